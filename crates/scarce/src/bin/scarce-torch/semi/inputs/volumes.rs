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

fn unlabelled(case: &CaseFiles, config: &SemiFile) -> anyhow::Result<UnlabelledVolume> {
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
