//! `convert`: another format, orientation or spacing.

use scarce_image::{reorient_to_ras, resample_nearest, resample_spacing};

use crate::cli::ConvertArguments;
use crate::exit::UsageError;

/// Reads, brings into form, writes; the geometry follows.
pub fn run(arguments: &ConvertArguments) -> anyhow::Result<()> {
    let mut volume = scarce_io::read_volume(&arguments.input)?;
    if arguments.orient.is_some() {
        volume = reorient_to_ras(&volume);
    }
    if let Some(spacing) = &arguments.spacing_mm {
        let usage = |error: scarce_image::GeometryError| UsageError(error.to_string());
        let [x, y, z] = spacing[..] else {
            return Err(UsageError("--spacing-mm: expected X,Y,Z".to_owned()).into());
        };
        volume = if arguments.order == "nearest" {
            let grid = volume
                .grid()
                .with_spacing_mm_xyz([x, y, z])
                .map_err(usage)?;
            resample_nearest(&volume, &grid, 0.0)
        } else {
            resample_spacing(&volume, [x, y, z]).map_err(usage)?
        };
    }
    Ok(scarce_io::write_volume(&arguments.output, &volume)?)
}
