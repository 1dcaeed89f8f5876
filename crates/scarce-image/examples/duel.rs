//! One operation on a `.npy` array, the result to another, the seconds it took to stdout: for
//! `benches/peers/image.py`, which times the same operation elsewhere.
//!
//! ```text
//! duel TASK INPUT.npy OUTPUT.npy [REPEATS]
//! ```

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use glam::{DAffine3, DMat3, DVec3};
use ndarray::Array3;
use ndarray_npy::{ReadableElement, WritableElement, read_npy, write_npy};
use scarce_image::{
    Connectivity, Geometry, Grid, Interpolation, Mask, StructuringElement, Volume,
    connected_components, dilate, distance_transform_f32, erode, fill_holes, glam,
    largest_component, resample,
};

/// The spacing of every input, x, y, z.
const SPACING_MM: [f64; 3] = [0.8, 0.8, 1.5];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [task, input, output, rest @ ..] = &arguments[..] else {
        return Err("usage: duel TASK INPUT.npy OUTPUT.npy [REPEATS]".into());
    };
    let repeats = rest.first().map_or(Ok(1), |n| n.parse())?;
    let run = Run {
        input: Path::new(input),
        output: Path::new(output),
        repeats,
    };
    let faces = Connectivity::Faces6;
    let corners = Connectivity::Corners26;
    match task.as_str() {
        "linear" => run.resampled(false, Interpolation::Linear),
        "cubic" => run.resampled(false, Interpolation::CubicBSpline),
        "oblique-linear" => run.resampled(true, Interpolation::Linear),
        "oblique-cubic" => run.resampled(true, Interpolation::CubicBSpline),
        "distance" => {
            let [x, y, z] = SPACING_MM;
            run.of_mask(|m| distance_transform_f32(m.voxels().view(), [z, y, x]))
        }
        "components" => run.of_mask(|m| connected_components(m.voxels().view(), corners).0),
        "largest" => run.of_mask(|m| largest_component(m, corners).into_voxels()),
        "fill-holes" => run.of_mask(|m| fill_holes(m).into_voxels()),
        "erode" => run.of_mask(|m| erode(m, StructuringElement::steps(faces, 2)).into_voxels()),
        "dilate" => run.of_mask(|m| dilate(m, StructuringElement::steps(corners, 1)).into_voxels()),
        "dilate-ball" => {
            let ball = StructuringElement::ball_mm(4.0)?;
            run.of_mask(|m| dilate(m, ball).into_voxels())
        }
        other => Err(format!("unknown task {other}").into()),
    }
}

struct Run<'a> {
    input: &'a Path,
    output: &'a Path,
    repeats: usize,
}

impl Run<'_> {
    /// To 1.5 mm on the same field of view, or a turned one.
    fn resampled(&self, oblique: bool, how: Interpolation) -> Result<(), Box<dyn Error>> {
        let volume: Volume<f32> = self.volume()?;
        let mut onto = volume.grid().with_spacing_mm_xyz([1.5; 3])?;
        if oblique {
            onto = turned(&onto)?;
        }
        self.time(|| resample(&volume, &onto, how, -1024.0).into_voxels())
    }

    fn of_mask<T: WritableElement>(
        &self,
        job: impl Fn(&Mask) -> Array3<T>,
    ) -> Result<(), Box<dyn Error>> {
        let mask: Mask = self.volume()?;
        self.time(|| job(&mask))
    }

    fn volume<T: ReadableElement + Clone>(&self) -> Result<Volume<T>, Box<dyn Error>> {
        let geometry = Geometry::from_spacing_mm_xyz(SPACING_MM)?;
        Ok(Volume::new(read_npy(self.input)?, geometry))
    }

    #[expect(clippy::print_stdout, reason = "the seconds are what it is run for")]
    fn time<T: WritableElement>(&self, job: impl Fn() -> Array3<T>) -> Result<(), Box<dyn Error>> {
        for repeat in 0..self.repeats {
            let start = Instant::now();
            let result = job();
            println!("{}", start.elapsed().as_secs_f64());
            if repeat == 0 {
                write_npy(self.output, &result)?;
            }
        }
        Ok(())
    }
}

/// The grid turned by 0.2 about z through the world's origin.
fn turned(grid: &Grid) -> Result<Grid, Box<dyn Error>> {
    let turn = DAffine3::from_mat3_translation(DMat3::from_rotation_z(0.2), DVec3::ZERO);
    let geometry = Geometry::new(turn * grid.geometry.world_from_voxel())?;
    Ok(Grid { geometry, ..*grid })
}
