//! `convert`: another format, orientation or spacing.

use scarce_cli::arguments::ConvertArguments;
use scarce_cli::exit::UsageError;
use scarce_image::{Interpolation, reorient_to_ras, resample, resample_spacing};
use scarce_io::ReadOptions;

/// Reads, brings into form, writes; the geometry follows.
pub fn run(arguments: &ConvertArguments) -> anyhow::Result<()> {
    let mut options = ReadOptions::default();
    options.frame = arguments.frame;
    options.series_uid.clone_from(&arguments.series);
    let loaded = scarce_io::read_volume_with(&arguments.input, &options)?;
    loaded.provenance.log();
    let mut volume = loaded.value;
    if arguments.orient.is_some() {
        volume = reorient_to_ras(&volume);
    }
    if let Some(spacing) = &arguments.spacing_mm {
        let usage = |error: scarce_image::GeometryError| UsageError(error.to_string());
        let [x, y, z] = spacing[..] else {
            return Err(UsageError("--spacing-mm: expected X,Y,Z".to_owned()).into());
        };
        let onto = |interpolation| {
            let grid = volume.grid().with_spacing_mm_xyz([x, y, z])?;
            Ok(resample(&volume, &grid, interpolation, 0.0))
        };
        volume = match arguments.order.as_str() {
            "nearest" => onto(Interpolation::Nearest),
            "cubic" => onto(Interpolation::CubicBSpline),
            // Coarser grids are filtered, or fine structures would flicker.
            _ => resample_spacing(&volume, [x, y, z]),
        }
        .map_err(usage)?;
    }
    Ok(scarce_io::write_volume(&arguments.output, &volume)?)
}
