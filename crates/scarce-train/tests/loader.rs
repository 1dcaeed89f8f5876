//! Batches are the same whoever reads them, and a failing sample is named.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use ndarray::{Array2, Array3, arr0};
use rand::Rng as _;
use scarce_train::StepContext;
use scarce_train::image::Seed;
use scarce_train::loader::{
    Batch, Loader, LoaderConfig, LoaderError, Remainder, Sample, SampleArray, SampleContext,
    Sampler, Shard, Source, SourceError,
};
use tch::{Device, Kind, Tensor};

const SAMPLES: usize = 11;
const LABELLED: usize = 4;

/// Noise cropped at random, with a label for the first few; keeps account of what was read.
#[derive(Default)]
struct Phantoms {
    read: Mutex<Vec<usize>>,
    started: Option<Mutex<mpsc::Sender<u64>>>,
    fails_at: Option<usize>,
    panics_at: Option<usize>,
    odd_at: Option<usize>,
    same_names: AtomicBool,
}

impl Source for Phantoms {
    fn len(&self) -> usize {
        SAMPLES
    }

    fn id(&self, index: usize) -> String {
        if self.same_names.load(Ordering::Relaxed) {
            return "scan".to_owned();
        }
        format!("scan-{index}")
    }

    fn sample(&self, index: usize, context: &SampleContext<'_>) -> Result<Sample, SourceError> {
        self.read.lock().unwrap().push(index);
        if let Some(started) = &self.started {
            started.lock().unwrap().send(context.step)?;
        }
        if self.fails_at == Some(index) {
            return Err("the file is cut short".into());
        }
        assert_ne!(self.panics_at, Some(index), "voxel out of range");
        // Workers get out of step with each other.
        for _ in 0..(index * 7) % 5 {
            std::thread::yield_now();
        }
        let mut rng = context.stream("crop");
        let side = if self.odd_at == Some(index) { 3 } else { 4 };
        let image = Array3::from_shape_fn((2, side, 4), |_| rng.random::<f32>());
        let sample = Sample::new().with("image", image);
        if index >= LABELLED {
            return Ok(sample);
        }
        Ok(sample
            .with("label", Array2::from_elem((2, 4), index as u8))
            .with("class", arr0(index as i64)))
    }
}

fn two_streams() -> Sampler {
    let (labelled, unlabelled) = ((0..LABELLED).collect(), (LABELLED..SAMPLES).collect());
    Sampler::two_streams(labelled, unlabelled, [3, 2], Remainder::CarryOver).unwrap()
}

fn loader(source: impl Source + 'static, workers: usize, prefetch_batches: usize) -> Loader {
    let config = LoaderConfig {
        workers,
        prefetch_batches,
    };
    Loader::new(source, two_streams(), Seed(7), config).unwrap()
}

fn collect(loader: &mut Loader, steps: std::ops::Range<u64>) -> Vec<Batch> {
    loader.batches(steps).collect::<Result<_, _>>().unwrap()
}

#[test]
fn workers_change_no_byte() {
    let expected = collect(&mut loader(Phantoms::default(), 0, 1), 0..30);
    for (workers, prefetch) in [(1, 1), (2, 2), (5, 4), (2, 0)] {
        let got = collect(&mut loader(Phantoms::default(), workers, prefetch), 0..30);
        assert!(got == expected, "{workers} workers, {prefetch} ahead");
    }
    let other = Loader::new(
        Phantoms::default(),
        two_streams(),
        Seed(8),
        LoaderConfig::default(),
    );
    assert!(collect(&mut other.unwrap(), 0..30) != expected);
    // One sample in two epochs is cropped in two ways.
    let crops = |batch: &Batch| batch.array("image").unwrap().clone();
    assert_ne!(crops(&expected[0]), crops(&expected[2]));
}

#[test]
fn resuming_in_mid_epoch_reads_nothing_again() {
    let whole = collect(&mut loader(Phantoms::default(), 2, 2), 0..12);
    let source = Arc::new(Phantoms::default());
    let mut resumed = loader(Arc::clone(&source), 2, 2);
    let cursor = resumed.sampler().cursor(7);
    let step = resumed.sampler().step_at(cursor).unwrap();
    assert_eq!(collect(&mut resumed, step..12), whole[7..]);
    drop(resumed);
    assert_eq!(source.read.lock().unwrap().len(), 5 * 5);
    // Leaving the order and coming back gives the same batch too.
    let mut wandering = loader(Phantoms::default(), 2, 2);
    for step in [0u64, 9, 3, 4, 3] {
        assert_eq!(wandering.batch(step).unwrap(), whole[step as usize]);
    }
}

#[test]
fn workers_read_ahead_as_far_as_they_should() {
    let (sender, started) = mpsc::channel();
    let source = Arc::new(Phantoms {
        started: Some(Mutex::new(sender)),
        ..Phantoms::default()
    });
    let mut ahead = loader(Arc::clone(&source), 2, 2);
    ahead.batch(0).unwrap();
    // Nobody asks for steps 1 and 2, yet they are read: this waits for ever otherwise.
    let steps: Vec<u64> = (0..15)
        .map(|_| started.recv_timeout(Duration::from_mins(1)).unwrap())
        .collect();
    assert_eq!(*steps.iter().max().unwrap(), 2);
    let stats = ahead.stats();
    assert_eq!((stats.batches, stats.samples), (1, 5));
    assert!((0.0..=1.0).contains(&stats.data_wait_share()));
    assert!(stats.wait_s > 0.0 && stats.wait_s <= stats.total_s);
    drop(ahead);
    assert_eq!(source.read.lock().unwrap().len(), 15);

    // The end of a run is not read beyond.
    let source = Arc::new(Phantoms::default());
    let mut ending = loader(Arc::clone(&source), 2, 4).until(2);
    ending.batch(1).unwrap();
    drop(ending);
    assert_eq!(source.read.lock().unwrap().len(), 5);
}

#[test]
fn dropping_the_loader_ends_its_threads() {
    let source = Arc::new(Phantoms::default());
    let mut dropped = loader(Arc::clone(&source), 5, 8);
    dropped.batch(0).unwrap();
    drop(dropped);
    assert_eq!(Arc::strong_count(&source), 1);
}

#[test]
fn a_failing_sample_is_named() {
    let fails = || Phantoms {
        fails_at: Some(6),
        ..Phantoms::default()
    };
    let panics = || Phantoms {
        panics_at: Some(6),
        ..Phantoms::default()
    };
    let odd = || Phantoms {
        odd_at: Some(6),
        ..Phantoms::default()
    };
    for workers in [0, 1, 3] {
        for (source, expected) in [
            (fails(), vec!["`scan-6`", "cut short"]),
            (panics(), vec!["`scan-6`", "panicked", "voxel out of range"]),
            (odd(), vec!["`scan-6`", "`image`", "[2, 3, 4]", "[2, 4, 4]"]),
        ] {
            let mut failing = loader(source, workers, 2);
            let good = failing.batches(0..30).take_while(Result::is_ok).count() as u64;
            let message = failing.batch(good).unwrap_err().to_string();
            for part in expected {
                assert!(message.contains(part), "{message}");
            }
        }
    }
    // The loader is of use afterwards.
    let mut failing = loader(panics(), 2, 2);
    let failed: Vec<u64> = (0..30)
        .filter(|step| failing.batch(*step).is_err())
        .collect();
    assert!(!failed.is_empty() && failed.len() < 30, "{failed:?}");
}

#[test]
fn sources_that_do_not_fit_are_refused() {
    let too_many = Sampler::shuffled(SAMPLES + 1, 2, Remainder::Keep).unwrap();
    let refused = Loader::new(
        Phantoms::default(),
        too_many,
        Seed(1),
        LoaderConfig::default(),
    );
    assert!(matches!(
        refused,
        Err(LoaderError::Setting {
            name: "samples",
            ..
        })
    ));
    let twins = Phantoms::default();
    twins.same_names.store(true, Ordering::Relaxed);
    let refused = Loader::new(twins, two_streams(), Seed(1), LoaderConfig::default());
    assert!(matches!(refused, Err(LoaderError::Twice { .. })));
}

#[test]
fn arrays_become_tensors_on_the_trainer() {
    let mut loader = loader(Phantoms::default(), 2, 1);
    let batch = loader.batch(0).unwrap();
    let of = |name| batch.tensor(name, Device::Cpu).unwrap();
    assert_eq!(of("image").size(), [5, 2, 4, 4]);
    assert_eq!(of("label").size(), [3, 2, 4]);
    assert_eq!(of("label").kind(), Kind::Uint8);
    assert_eq!((batch.of_stream(0), batch.of_stream(1)), (3, 2));
    assert_eq!(batch.places("class").unwrap(), [0, 1, 2]);
    let classes: Vec<i64> = batch.samples[..3]
        .iter()
        .map(|s| s.draw.index as i64)
        .collect();
    assert_eq!(of("class"), Tensor::from_slice(&classes));
    assert_eq!(batch.ids()[0], format!("scan-{}", classes[0]));
    let message = batch.array("mask").unwrap_err().to_string();
    assert!(
        message.contains("`mask`") && message.contains("image"),
        "{message}"
    );
}

/// Each array once, with the memory that the workers filled.
#[test]
fn arrays_are_taken_without_a_copy() {
    let mut batch = loader(Phantoms::default(), 2, 1).batch(0).unwrap();
    for name in ["image", "label", "class"] {
        let copied = batch.tensor(name, Device::Cpu).unwrap();
        let filled = match batch.array(name).unwrap() {
            SampleArray::F32(array) => array.as_ptr() as usize,
            SampleArray::U8(array) => array.as_ptr() as usize,
            SampleArray::I64(array) => array.as_ptr() as usize,
            other => panic!("{other:?}"),
        };
        let taken = batch.take(name, Device::Cpu).unwrap();
        assert_eq!(taken.data_ptr() as usize, filled, "{name}");
        assert!(
            taken.kind() == copied.kind() && taken.equal(&copied),
            "{name}"
        );
        let message = batch.take(name, Device::Cpu).unwrap_err().to_string();
        assert!(message.contains(name), "{message}");
    }
}

#[test]
fn a_task_gets_the_batches_of_its_run() {
    let context = |step, seed, total_steps| StepContext {
        step,
        total_steps,
        seed: Seed(seed),
        rank: 0,
        world_size: 1,
    };
    let whole = collect(&mut loader(Phantoms::default(), 2, 2), 0..4);
    let source = Arc::new(Phantoms::default());
    let mut other_seed = Loader::new(
        Arc::clone(&source),
        two_streams(),
        Seed(8),
        LoaderConfig::default(),
    )
    .unwrap();
    assert!(other_seed.batch_for(&context(2, 8, 3)).unwrap() != whole[2]);
    assert_eq!(other_seed.batch_for(&context(2, 7, 3)).unwrap(), whole[2]);
    drop(other_seed);
    assert_eq!(
        source.read.lock().unwrap().len(),
        10,
        "beyond the last step"
    );
}

#[test]
fn ranks_parts_make_up_the_batch() {
    let whole = loader(Phantoms::default(), 2, 2).batch(3).unwrap();
    let mut parts = loader(Phantoms::default(), 2, 2);
    let mut of_rank = |rank| {
        parts.set_shard(Shard { rank, world: 2 }).unwrap();
        parts.batch(3).unwrap()
    };
    let (first, second) = (of_rank(0), of_rank(1));
    let labelled = |batch: &Batch| batch.ids()[..batch.of_stream(0)].to_vec();
    assert_eq!(
        [labelled(&first), labelled(&second)].concat(),
        labelled(&whole)
    );
    assert_eq!(first.samples.len() + second.samples.len(), 5);
    assert!(parts.set_shard(Shard { rank: 2, world: 2 }).is_err());
}

/// A count shared by threads, to see that an epoch of a validation is read once, no sample more.
#[test]
fn a_listed_epoch_is_read_once() {
    struct Counted(Arc<AtomicUsize>);
    impl Source for Counted {
        fn len(&self) -> usize {
            7
        }
        fn id(&self, index: usize) -> String {
            index.to_string()
        }
        fn sample(&self, index: usize, _: &SampleContext<'_>) -> Result<Sample, SourceError> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Ok(Sample::new().with("class", arr0(index as i64)))
        }
    }
    let reads = Arc::new(AtomicUsize::new(0));
    let sampler = Sampler::listed(7, 3).unwrap();
    let source = Counted(Arc::clone(&reads));
    let mut loader = Loader::new(source, sampler, Seed(0), LoaderConfig::default()).unwrap();
    let sizes: Vec<usize> = loader.epoch(0).map(|b| b.unwrap().samples.len()).collect();
    drop(loader);
    assert_eq!(sizes, [3, 3, 1]);
    assert_eq!(reads.load(Ordering::Relaxed), 7);
}
