//! Cases as arrays that a training takes.

use anyhow::Context as _;
use scarce_corn::{LabelledVolume, UnlabelledVolume};

use super::{CaseFiles, Cases, SemiFile};

/// The prepared volumes, by part.
#[derive(Debug, Default)]
pub struct Volumes {
    /// Trained on with labels.
    pub labelled: Vec<LabelledVolume>,
    /// Trained on without.
    pub unlabelled: Vec<UnlabelledVolume>,
    /// Settings are chosen by these.
    pub validation: Vec<LabelledVolume>,
}

impl Volumes {
    /// Reads and prepares them, one after the other.
    pub fn read(cases: &Cases, config: &SemiFile) -> anyhow::Result<Self> {
        let labelled = |cases: &[CaseFiles]| {
            let read = |case| labelled(case, config);
            cases.iter().map(read).collect::<anyhow::Result<Vec<_>>>()
        };
        let without = |case| unlabelled(case, config);
        Ok(Self {
            labelled: labelled(&cases.labelled)?,
            unlabelled: cases
                .unlabelled
                .iter()
                .map(without)
                .collect::<anyhow::Result<Vec<_>>>()?,
            validation: labelled(&cases.validation)?,
        })
    }
}

/// A case with its label, prepared.
pub fn labelled(case: &CaseFiles, config: &SemiFile) -> anyhow::Result<LabelledVolume> {
    let (image, labels) = case.read()?;
    let of_case = || format!("case {}", case.id);
    let labels = labels.with_context(|| format!("{} has no label", of_case()))?;
    let preparing = || {
        let grid = image.grid();
        let part = config.preprocessing.part(&grid, Some(&labels))?;
        let label = config.preprocessing.labels(&grid, &labels, part)?;
        let image = config.preprocessing.prepare_part(&image, part)?;
        Ok::<_, anyhow::Error>((image.into_voxels(), label))
    };
    let (image, label) = preparing().with_context(of_case)?;
    Ok(LabelledVolume {
        id: case.id.clone(),
        image,
        label: label.voxels().map(|value| config.data.class(*value)),
    })
}

/// A case's image, prepared; of its label, if it has one, no more is looked at than where it lies.
fn unlabelled(case: &CaseFiles, config: &SemiFile) -> anyhow::Result<UnlabelledVolume> {
    let mut case = case.clone();
    if !config.preprocessing.looks_at_labels() {
        case.label = None;
    }
    let (image, labels) = case.read()?;
    let preparing = || {
        let part = config.preprocessing.part(&image.grid(), labels.as_ref())?;
        config.preprocessing.prepare_part(&image, part)
    };
    let image = preparing().with_context(|| format!("case {}", case.id))?;
    Ok(UnlabelledVolume {
        id: case.id.clone(),
        image: image.into_voxels(),
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use scarce_train::config::load_preset;

    use super::*;
    use crate::semi::recipes::RECIPES;

    /// A file laid out as UA-MT's: axes (x, y, z), no spacing of its own.
    #[test]
    fn left_atrium_files_are_read() {
        let file =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../scarce-io/tests/golden/volume.h5");
        let mut case = CaseFiles::new("a", &file, Some(&file));
        case.options.spacing_mm_xyz = Some([0.625; 3]);
        let overrides = [
            "data={}",
            "preprocessing.intensities=as-stored",
            "preprocessing.scale=1",
        ]
        .map(str::to_owned);
        let config: SemiFile = load_preset(None, &overrides, "recipe", RECIPES).unwrap();
        let (image, labels) = case.read().unwrap();
        assert_eq!(image.geometry().spacing_mm_xyz(), [0.625; 3]);
        let read = labelled(&case, &config).unwrap();
        assert_eq!(read.image.dim(), (3, 4, 5));
        assert_eq!(read.image, image.voxels());
        let classes = labels.unwrap().map(|value| u8::from(*value != 0));
        assert_eq!(read.label, classes.voxels());
        let without = unlabelled(&case, &config).unwrap();
        assert_eq!(without.image, read.image);
    }
}
