//! The samples: a slice, the prompts asked of it, and what each should find.

use ndarray::{Array1, Array3, Axis, arr0};
use rand::Rng;
use scarce_train::loader::{Sample, SampleContext, Source, SourceError};
use scarce_vlm::scarce_open::Plane;

use super::augment::Augmentation;
use super::config::BatchConfig;
use super::volumes::Subject;
use super::wordings::Wordings;

/// Fewer pixels than this are neither there nor not there.
const LEAST_PIXELS: usize = 6;

/// Slices of all subjects, asked for what is there, what is not, and nonsense.
pub struct Slices {
    subjects: Vec<Subject>,
    wordings: Wordings,
    weights: Vec<f32>,
    batch: BatchConfig,
    augmentation: Augmentation,
    /// Subject and number of each draw of an epoch.
    draws: Vec<(usize, usize)>,
}

impl Slices {
    /// All draws of `subjects`.
    pub fn new(
        subjects: Vec<Subject>,
        wordings: Wordings,
        weights: Vec<f32>,
        batch: BatchConfig,
        augmentation: Augmentation,
    ) -> Self {
        let draws = subjects
            .iter()
            .enumerate()
            .flat_map(|(s, subject)| (0..subject.draws).map(move |k| (s, k)))
            .collect();
        Self {
            subjects,
            wordings,
            weights,
            batch,
            augmentation,
            draws,
        }
    }

    /// What is asked: concepts by place, `None` for nonsense; the present ones first.
    fn questions(&self, counts: &[Option<usize>], rng: &mut impl Rng) -> Vec<Option<usize>> {
        let BatchConfig {
            prompts,
            present,
            nonsense,
            ..
        } = self.batch;
        let pick = |wanted: usize, rng: &mut dyn FnMut() -> f64, fits: &dyn Fn(usize) -> bool| {
            // The largest of u^(1/w) are a sample without replacement of weights w (Efraimidis and Spirakis).
            let mut keyed: Vec<(f64, usize)> = counts
                .iter()
                .enumerate()
                .filter(|(_, count)| count.is_some_and(fits))
                .map(|(place, _)| (rng().powf(1.0 / f64::from(self.weights[place])), place))
                .collect();
            keyed.sort_by(|a, b| b.0.total_cmp(&a.0));
            keyed.truncate(wanted);
            keyed
                .into_iter()
                .map(|(_, place)| Some(place))
                .collect::<Vec<_>>()
        };
        let mut draw = || rng.random::<f64>();
        let mut asked = pick(present, &mut draw, &|count| count >= LEAST_PIXELS);
        let absent = prompts.saturating_sub(nonsense + asked.len());
        asked.extend(pick(absent, &mut draw, &|count| count == 0));
        asked.resize(prompts, None);
        asked
    }
}

impl Source for Slices {
    fn len(&self) -> usize {
        self.draws.len()
    }

    fn id(&self, index: usize) -> String {
        let (subject, number) = self.draws[index];
        format!("{}/{number}", self.subjects[subject].id)
    }

    fn sample(&self, index: usize, context: &SampleContext<'_>) -> Result<Sample, SourceError> {
        let (subject, number) = self.draws[index];
        let subject = &self.subjects[subject];
        let mut rng = context.stream("slice");
        let plane = if subject.is_flat {
            None
        } else {
            Some(Plane::ALL[number % Plane::ALL.len()])
        };
        let (voxels, classes) = (subject.voxels.view(), subject.classes.view());
        let (voxels, classes) = match plane {
            None => (voxels.view(), classes.view()),
            Some(plane) => (plane.slices(&voxels), plane.slices(&classes)),
        };
        let at = rng.random_range(0..voxels.len_of(Axis(0)));
        let slice = (
            voxels.index_axis(Axis(0), at),
            classes.index_axis(Axis(0), at),
        );
        let pixels = self.batch.pixels;
        let mut rng = context.stream("augment");
        let seen =
            self.augmentation
                .apply(slice, subject.scale, &subject.structures, pixels, &mut rng);

        let mut histogram = vec![0_usize; subject.structures.len()];
        for class in &seen.classes {
            histogram[*class as usize] += 1;
        }
        let count = |lookup: &Vec<bool>| {
            let pairs = histogram.iter().zip(lookup);
            pairs.map(|(n, inside)| n * usize::from(*inside)).sum()
        };
        let counts: Vec<Option<usize>> = subject
            .concepts
            .iter()
            .map(|c| c.as_ref().map(count))
            .collect();
        let mut rng = context.stream("prompts");
        let asked = self.questions(&counts, &mut rng);
        let mut inside = Array3::<u8>::zeros((asked.len(), pixels, pixels));
        let mut wording = Array1::<i64>::zeros(asked.len());
        let mut present = Array1::<f32>::zeros(asked.len());
        for (k, question) in asked.iter().enumerate() {
            wording[k] = self.wordings.draw(*question, &mut rng) as i64;
            let Some(place) = *question else { continue };
            let Some(lookup) = &subject.concepts[place] else {
                continue;
            };
            present[k] = f32::from(u8::from(counts[place] > Some(0)));
            inside
                .index_axis_mut(Axis(0), k)
                .zip_mut_with(&seen.classes, |to, class| {
                    *to = u8::from(lookup[*class as usize]);
                });
        }
        Ok(Sample::new()
            .with("image", seen.grey.insert_axis(Axis(0)))
            .with("inside", inside)
            .with("wording", wording)
            .with("present", present)
            .with("subject", arr0(index as i64)))
    }
}

#[cfg(test)]
mod tests {
    use scarce_image::Seed;

    use super::super::concepts::Concepts;
    use super::super::volumes::Scale;
    use super::*;

    /// A body with a heart in its middle, labelled with hearts, lungs and brains alone.
    fn slices() -> Slices {
        let concepts = Concepts::built_in().unwrap();
        let classes = Array3::from_shape_fn((40, 40, 40), |(z, y, x)| {
            u16::from([z, y, x].iter().all(|i| (12..28).contains(i)))
        });
        let of = |name: &str| match name {
            "heart" => Some(vec![false, true]),
            "lungs" | "brain" => Some(vec![false, false]),
            _ => None,
        };
        let subject = Subject {
            id: "cube".to_owned(),
            voxels: classes.mapv(|class| f32::from(class) * 100.0),
            classes,
            scale: Scale::Hounsfield,
            structures: vec![vec![], vec!["heart".to_owned()]],
            concepts: concepts.all().iter().map(|c| of(&c.name)).collect(),
            draws: 30,
            is_flat: false,
        };
        let weights = concepts.all().iter().map(|c| c.weight).collect();
        let batch = BatchConfig {
            pixels: 32,
            prompts: 5,
            nonsense: 1,
            ..BatchConfig::default()
        };
        let wordings = Wordings::new(&concepts);
        Slices::new(
            vec![subject],
            wordings,
            weights,
            batch,
            Augmentation::default(),
        )
    }

    fn sample(slices: &Slices, index: usize, epoch: u64) -> Sample {
        let id = slices.id(index);
        let context = SampleContext {
            seed: Seed(5),
            id: &id,
            epoch,
            step: 0,
            place: 0,
        };
        slices.sample(index, &context).unwrap()
    }

    #[test]
    fn samples_are_functions_of_seed_epoch_and_name() {
        let slices = slices();
        assert_eq!(slices.len(), 30);
        for index in 0..6 {
            assert_eq!(sample(&slices, index, 0), sample(&slices, index, 0));
            assert_ne!(sample(&slices, index, 0), sample(&slices, index, 1));
        }
    }

    #[test]
    fn asks_for_what_is_there_what_is_not_and_nonsense() {
        let slices = slices();
        let concepts = Concepts::built_in().unwrap();
        let place = |name: &str| concepts.position(name).unwrap();
        let mut counts = vec![None; concepts.all().len()];
        counts[place("heart")] = Some(50);
        counts[place("lungs")] = Some(0);
        counts[place("brain")] = Some(0);
        // Too few to be there, too many to be absent.
        counts[place("liver")] = Some(LEAST_PIXELS - 1);
        let mut rng = Seed(1).stream(scarce_image::StreamKey {
            epoch: 0,
            sample_id: "",
            purpose: "test",
        });
        let mut asked = slices.questions(&counts, &mut rng);
        assert_eq!(asked[0], Some(place("heart")));
        asked.sort();
        let mut expected = ["heart", "lungs", "brain"]
            .map(|name| Some(place(name)))
            .to_vec();
        expected.extend([None, None]);
        expected.sort();
        assert_eq!(asked, expected);
    }
}
