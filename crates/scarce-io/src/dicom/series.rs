//! From slices with positions to a volume's geometry.

use glam::{DAffine3, DMat3, DVec3};
use scarce_image::Geometry;

use super::frames::Plane;
use crate::error::At;
use crate::provenance::Warnings;
use crate::{IoError, SeriesFault};

/// Slices may be this much of their distance off: headers round.
const POSITION_TOLERANCE: f64 = 0.05;

/// A slice on its way into a volume.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Slice {
    /// Number of its file.
    pub file: usize,
    /// Number of the frame inside the file.
    pub frame: usize,
    pub plane: Plane,
    /// The file's name, and the frame's number where there are several.
    pub name: String,
}

/// Brings slices in order along their normal and finds their common geometry.
pub(super) fn stack(
    mut slices: Vec<Slice>,
    single_slice_mm: Option<f64>,
    warnings: &mut Warnings,
    at: At<'_>,
) -> Result<(Vec<Slice>, Geometry), IoError> {
    let fault = |fault| IoError::Series {
        fault,
        path: at.0.to_owned(),
    };
    let Some(first) = slices.first().map(|slice| slice.plane) else {
        return Err(fault(SeriesFault::Empty { files: 0 }));
    };
    for slice in &slices {
        check_same(&first, slice).map_err(fault)?;
    }
    let normal = first.along_row.cross(first.along_column).normalize();
    let along = |slice: &Slice| slice.plane.position_lps.dot(normal);
    slices.sort_by(|a, b| along(a).total_cmp(&along(b)));
    let step = if slices.len() == 1 {
        if single_slice_mm.is_none() {
            warnings.add(
                "no-slice-spacing",
                "one slice without a thickness; it is taken as 1 mm",
            );
        }
        normal * single_slice_mm.unwrap_or(1.0)
    } else {
        check_spacing(&slices, &along).map_err(fault)?;
        step(&slices, normal, warnings).map_err(fault)?
    };
    let origin = slices
        .first()
        .map_or(DVec3::ZERO, |slice| slice.plane.position_lps);
    let [row_mm, column_mm] = first.spacing_mm_yx;
    let ras = DMat3::from_diagonal(DVec3::new(-1.0, -1.0, 1.0));
    let geometry = Geometry::new(DAffine3 {
        matrix3: ras
            * DMat3::from_cols(
                first.along_row * column_mm,
                first.along_column * row_mm,
                step,
            ),
        translation: ras * origin,
    })
    .map_err(|source| at.geometry(source))?;
    Ok((slices, geometry))
}

fn check_same(first: &Plane, slice: &Slice) -> Result<(), SeriesFault> {
    let plane = &slice.plane;
    let differs = |field, expected: String, got: String| {
        Err(SeriesFault::Differs {
            field,
            expected,
            got,
            file: slice.name.clone(),
        })
    };
    let turned = |a: DVec3, b: DVec3| a.distance(b) > 1e-3;
    if turned(first.along_row, plane.along_row) || turned(first.along_column, plane.along_column) {
        let say = |p: &Plane| format!("{}, {}", p.along_row, p.along_column);
        return differs("ImageOrientationPatient", say(first), say(plane));
    }
    let [a, b] = [first.spacing_mm_yx, plane.spacing_mm_yx];
    if (0..2).any(|k| (a[k] - b[k]).abs() > 1e-3 * a[k]) {
        return differs("PixelSpacing", format!("{a:?}"), format!("{b:?}"));
    }
    Ok(())
}

/// Finds duplicates, gaps and uneven distances.
fn check_spacing(slices: &[Slice], along: &dyn Fn(&Slice) -> f64) -> Result<(), SeriesFault> {
    let distances: Vec<f64> = slices
        .windows(2)
        .map(|pair| along(&pair[1]) - along(&pair[0]))
        .collect();
    let mut sorted = distances.clone();
    sorted.sort_by(f64::total_cmp);
    // A missing slice makes a distance longer, so of two candidates the shorter is the true one;
    // duplicates are no distances.
    let longest = sorted.last().copied().unwrap_or(0.0);
    sorted.retain(|d| *d > 1e-3 * longest.max(1.0));
    let usual = sorted
        .get(sorted.len().saturating_sub(1) / 2)
        .copied()
        .unwrap_or(0.0);
    for (pair, got_mm) in slices.windows(2).zip(distances) {
        let (before, after) = (pair[0].name.clone(), pair[1].name.clone());
        if got_mm <= POSITION_TOLERANCE * usual {
            return Err(SeriesFault::Duplicate {
                first: before,
                second: after,
            });
        }
        if (got_mm - usual).abs() > POSITION_TOLERANCE * usual {
            let fitting = (got_mm / usual).round();
            let is_gap = fitting >= 2.0 && (got_mm / usual - fitting).abs() < 0.1;
            return Err(if is_gap {
                SeriesFault::Gap {
                    missing: fitting as usize - 1,
                    expected_mm: usual,
                    got_mm,
                    before,
                    after,
                }
            } else {
                SeriesFault::Uneven {
                    expected_mm: usual,
                    got_mm,
                    before,
                    after,
                }
            });
        }
    }
    Ok(())
}

/// The vector from one slice to the next; slices of a tilted gantry slide along the plane.
fn step(slices: &[Slice], normal: DVec3, warnings: &mut Warnings) -> Result<DVec3, SeriesFault> {
    let position = |k: usize| slices[k].plane.position_lps;
    let last = slices.len() - 1;
    let step = (position(last) - position(0)) / last as f64;
    let [a, b] = slices[0].plane.spacing_mm_yx;
    let tolerance_mm = (POSITION_TOLERANCE * step.length()).max(0.1 * a.min(b));
    for (k, slice) in slices.iter().enumerate() {
        let off_mm = position(k).distance(position(0) + step * k as f64);
        if off_mm > tolerance_mm {
            return Err(SeriesFault::Astray {
                off_mm,
                file: slice.name.clone(),
            });
        }
    }
    let slide = (step - normal * step.dot(normal)).length();
    if slide > 0.01 * step.length() {
        let message = "slices slide along their plane (gantry tilt); the affine keeps the shear";
        warnings.add("gantry-tilt", message);
    }
    Ok(step)
}
