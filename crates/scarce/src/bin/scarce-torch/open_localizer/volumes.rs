//! The volumes trained on: intensities and classes on one spacing, and the radiographs made of them.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use ndarray::{Array2, Array3, Axis};
use scarce_image::{Grid, Volume, reorient_to_ras, resample_nearest, resample_spacing};
use scarce_vlm::scarce_open::{holds_hu, to_grey};

use super::concepts::Concepts;
use super::config::{Layer, TrainingVolume};

/// Millimetres between the samples that slices are interpolated from: finer than the network's pixels, so that
/// shrinking and turning lose little.
pub const SOURCE_SPACING_MM: f64 = 3.0;

/// Turns of the patient about the long axis that radiographs are made at, in degrees.
const TURNS_DEGREES: [f64; 9] = [-20.0, -15.0, -10.0, -5.0, 0.0, 5.0, 10.0, 15.0, 20.0];

/// Structures that radiographs are labelled with, and a bit for each.
const PROJECTED: [&str; 3] = ["heart", "left lung", "right lung"];

/// What the voxels' numbers are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Hounsfield units.
    Hounsfield,
    /// Grey from 0 to 1.
    Grey,
}

/// Images that share classes: a volume in RAS, or radiographs along the first axis.
pub struct Subject {
    /// Its name.
    pub id: String,
    /// `(z, y, x)` in RAS, or `(radiograph, row, column)`.
    pub voxels: Array3<f32>,
    /// The class of each voxel; 0 is nothing.
    pub classes: Array3<u16>,
    /// What the numbers are.
    pub scale: Scale,
    /// Names of the structures of each class.
    pub structures: Vec<Vec<String>>,
    /// For each concept: whether each class belongs to it; none where the concept is not labelled.
    pub concepts: Vec<Option<Vec<bool>>>,
    /// Slices drawn in an epoch.
    pub draws: usize,
    /// Whether these are radiographs.
    pub is_flat: bool,
}

/// Reads a volume and makes its radiographs.
pub fn read(
    data: &Path,
    file: &TrainingVolume,
    concepts: &Concepts,
) -> anyhow::Result<Vec<Subject>> {
    let native = reorient_to_ras(&scarce_io::read_volume(&data.join(&file.image))?);
    let mut layers = Vec::new();
    for layer in &file.labels {
        layers.push(read_layer(data, layer, &native.grid())?);
    }
    let is_labelled = labelled(file, concepts)?;
    let scale = if holds_hu(&native) {
        Scale::Hounsfield
    } else {
        Scale::Grey
    };
    let image = match scale {
        Scale::Hounsfield => native.map(|v| v.clamp(-1024.0, 3000.0)),
        Scale::Grey => to_grey(&native),
    };
    let image = resample_spacing(&image, [SOURCE_SPACING_MM; 3])?;
    let (classes, structures) = classes(&layers, &image.grid())?;
    let subject = Subject {
        id: file.id.clone(),
        concepts: lookup(concepts, &structures, &is_labelled),
        voxels: image.into_voxels(),
        classes,
        scale,
        structures,
        draws: file.slices,
        is_flat: false,
    };
    let mut subjects = Vec::new();
    if file.radiographs > 0 {
        ensure!(
            scale == Scale::Hounsfield,
            "{}: radiographs are made of Hounsfield units only",
            file.id
        );
        subjects.push(radiographs(&subject, file.radiographs, concepts)?);
    }
    subjects.push(subject);
    Ok(subjects)
}

type NamedLabels = (Volume<u16>, BTreeMap<u16, String>);

fn read_layer(data: &Path, layer: &Layer, grid: &Grid) -> anyhow::Result<NamedLabels> {
    let path = data.join(&layer.path);
    let (labels, names) = match (&layer.names, &layer.nonzero) {
        (Some(table), None) => (
            scarce_io::read_label_map(&path)?,
            scarce_io::read_label_names(&data.join(table))?,
        ),
        (None, Some(name)) => {
            let inside = scarce_io::read_volume(&path)?.map(|v| u16::from(*v != 0.0));
            (inside, BTreeMap::from([(1, name.clone())]))
        }
        _ => bail!("expected either `names` or `nonzero`: {}", path.display()),
    };
    // Converters turn axes around; the voxels are the same.
    let labels = reorient_to_ras(&labels);
    ensure!(
        grid.matches(&labels.grid()),
        "the label map lies on another grid than its image: {}",
        path.display()
    );
    Ok((labels, names))
}

/// Which concepts a volume is labelled with.
fn labelled(file: &TrainingVolume, concepts: &Concepts) -> anyhow::Result<Vec<bool>> {
    let places = |names: &[String]| -> anyhow::Result<Vec<usize>> {
        let place = |name: &String| {
            concepts
                .position(name)
                .with_context(|| format!("{}: unknown concept {name:?}", file.id))
        };
        names.iter().map(place).collect()
    };
    let mut labelled = vec![file.labelled.is_none(); concepts.all().len()];
    for place in places(file.labelled.as_deref().unwrap_or_default())? {
        labelled[place] = true;
    }
    for place in places(&file.unlabelled)? {
        labelled[place] = false;
    }
    Ok(labelled)
}

/// One class for each combination of labels that comes up.
fn classes(layers: &[NamedLabels], grid: &Grid) -> anyhow::Result<(Array3<u16>, Vec<Vec<String>>)> {
    let mut known: BTreeMap<Vec<u16>, u16> = BTreeMap::from([(vec![0; layers.len()], 0)]);
    let mut structures = vec![Vec::new()];
    let sampled: Vec<Volume<u16>> = layers
        .iter()
        .map(|(labels, _)| resample_nearest(labels, grid, 0))
        .collect();
    let mut classes = Array3::zeros(grid.shape_zyx);
    for (at, class) in classes.indexed_iter_mut() {
        let key: Vec<u16> = sampled.iter().map(|labels| labels.voxels()[at]).collect();
        if let Some(known) = known.get(&key) {
            *class = *known;
            continue;
        }
        let names = key.iter().zip(layers);
        let names = names.filter_map(|(value, (_, names))| names.get(value).cloned());
        structures.push(names.collect());
        *class = u16::try_from(known.len()).context("too many classes")?;
        known.insert(key, *class);
    }
    Ok((classes, structures))
}

fn lookup(
    concepts: &Concepts,
    structures: &[Vec<String>],
    labelled: &[bool],
) -> Vec<Option<Vec<bool>>> {
    let of = |(concept, labelled): (&super::concepts::Concept, &bool)| {
        let covers = |names: &Vec<String>| names.iter().any(|name| concept.covers(name));
        labelled.then(|| structures.iter().map(covers).collect())
    };
    concepts.all().iter().zip(labelled).map(of).collect()
}

/// Radiographs from behind to front, as if the patient had been turned: the share of X-rays that water, fat
/// and bone let through, in grey.
fn radiographs(of: &Subject, draws: usize, concepts: &Concepts) -> anyhow::Result<Subject> {
    let places = PROJECTED.map(|name| concepts.position(name));
    let is_in = |k: usize, class: u16| {
        let lookup = places[k].and_then(|place| of.concepts[place].as_ref());
        lookup.is_some_and(|lookup| lookup[class as usize])
    };
    let (nz, ny, nx) = of.voxels.dim();
    let mut voxels = Array3::zeros((TURNS_DEGREES.len(), nz, nx));
    let mut classes = Array3::zeros((TURNS_DEGREES.len(), nz, nx));
    for (turn, degrees) in TURNS_DEGREES.iter().enumerate() {
        let (sin, cos) = degrees.to_radians().sin_cos();
        let (cy, cx) = ((ny as f64 - 1.0) / 2.0, (nx as f64 - 1.0) / 2.0);
        let mut path = Array2::<f32>::zeros((nz, nx));
        for z in 0..nz {
            for x in 0..nx {
                let mut bits = 0_u16;
                for y in 0..ny {
                    let (dy, dx) = (y as f64 - cy, x as f64 - cx);
                    let (sy, sx) = (
                        (cy + cos * dy + sin * dx).round(),
                        (cx - sin * dy + cos * dx).round(),
                    );
                    if sy < 0.0 || sx < 0.0 || sy >= ny as f64 || sx >= nx as f64 {
                        continue;
                    }
                    let at = [z, sy as usize, sx as usize];
                    path[[z, x]] += (of.voxels[at] / 1000.0 + 1.0).max(0.0);
                    for k in 0..PROJECTED.len() {
                        bits |= u16::from(is_in(k, of.classes[at])) << k;
                    }
                }
                // Head up, the patient's right on the left.
                classes[[turn, nz - 1 - z, nx - 1 - x]] = bits;
            }
        }
        let scale = scarce_image::Geometry::from_spacing_mm_xyz([1.0; 3])?;
        let grey = to_grey(&Volume::new(path.insert_axis(Axis(0)), scale)).into_voxels();
        let mut view = grey.index_axis(Axis(0), 0);
        view.invert_axis(Axis(0));
        view.invert_axis(Axis(1));
        voxels.index_axis_mut(Axis(0), turn).assign(&view);
    }
    let structures: Vec<Vec<String>> = (0..1_usize << PROJECTED.len())
        .map(|bits| {
            let named = PROJECTED
                .iter()
                .enumerate()
                .filter(|(k, _)| bits >> k & 1 == 1);
            named.map(|(_, name)| (*name).to_owned()).collect()
        })
        .collect();
    let concepts = concepts
        .all()
        .iter()
        .map(|concept| {
            let bits = match concept.name.as_str() {
                "heart" => 0b001,
                "left lung" => 0b010,
                "right lung" => 0b100,
                "lungs" => 0b110,
                // What can't be in a chest.
                "brain" | "cerebellum" | "bladder" | "prostate" | "femora" => 0,
                _ => return None,
            };
            Some(
                (0..structures.len())
                    .map(|class| class & bits != 0)
                    .collect(),
            )
        })
        .collect();
    Ok(Subject {
        id: format!("{}-radiograph", of.id),
        voxels,
        classes,
        scale: Scale::Grey,
        structures,
        concepts,
        draws,
        is_flat: true,
    })
}
