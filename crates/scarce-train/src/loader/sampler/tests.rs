//! Orders, shares and cursors.

use rand::seq::SliceRandom as _;
use scarce_image::StreamKey;

use super::*;

const SEED: Seed = Seed(3);

fn indices(sampler: &mut Sampler, steps: Range<u64>) -> Vec<Vec<usize>> {
    steps
        .map(|step| sampler.batch(step, SEED).iter().map(|d| d.index).collect())
        .collect()
}

fn assert_permutation(drawn: &[usize], samples: usize) {
    let mut drawn = drawn.to_vec();
    drawn.sort_unstable();
    assert_eq!(drawn, (0..samples).collect::<Vec<_>>());
}

#[test]
fn an_epoch_names_each_sample_once() {
    use Remainder::{CarryOver, Drop, Keep};
    for (samples, batch, remainder, steps, sizes) in [
        (6, 2, Drop, Some(3), vec![2, 2, 2, 2]),
        (5, 2, Drop, Some(2), vec![2, 2, 2, 2]),
        (5, 2, Keep, Some(3), vec![2, 2, 1, 2, 2, 1]),
        (3, 4, Keep, Some(1), vec![3, 3]),
        (5, 2, CarryOver, None, vec![2, 2, 2, 2, 2]),
        (3, 4, CarryOver, None, vec![4, 4, 4]),
        (1, 2, CarryOver, None, vec![2, 2]),
    ] {
        let mut sampler = Sampler::shuffled(samples, batch, remainder).unwrap();
        assert_eq!(sampler.steps_per_epoch(), steps);
        let batches = indices(&mut sampler, 0..sizes.len() as u64);
        assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), sizes);
        if remainder == Drop {
            for epoch in batches.chunks_exact(steps.unwrap() as usize) {
                let mut seen = epoch.concat();
                seen.sort_unstable();
                seen.dedup();
                assert_eq!(seen.len(), samples / batch * batch);
            }
        } else {
            for epoch in batches.concat().chunks_exact(samples) {
                assert_permutation(epoch, samples);
            }
        }
    }
}

#[test]
fn orders_depend_on_seed_epoch_and_stream_alone() {
    let mut sampler = Sampler::shuffled(20, 20, Remainder::Drop).unwrap();
    let (first, second) = (sampler.batch(0, SEED), sampler.batch(1, SEED));
    let of = |draws: &[Draw]| draws.iter().map(|d| d.index).collect::<Vec<_>>();
    assert_ne!(of(&first), of(&second));
    assert_ne!(of(&first), of(&sampler.batch(0, Seed(4))));
    assert_eq!(first, sampler.batch(0, SEED));
    let both = (0..20).collect::<Vec<_>>();
    let mut streams = Sampler::two_streams(both.clone(), both, [20, 20], Remainder::Drop).unwrap();
    let draws = of(&streams.batch(0, SEED));
    assert_ne!(draws[..20], draws[20..]);
    let listed = Sampler::listed(5, 2).unwrap();
    assert_eq!(
        indices(&mut listed.clone(), 0..4),
        [vec![0, 1], vec![2, 3], vec![4], vec![0, 1]]
    );
    assert_eq!(listed.steps_of_epoch(1), 3..6);
}

#[test]
fn the_order_is_the_shuffle_that_is_documented() {
    let (labelled, unlabelled) = ((0..5).collect(), (5..12).collect());
    let mut sampler =
        Sampler::two_streams(labelled, unlabelled, [2, 3], Remainder::CarryOver).unwrap();
    for step in 0..9u64 {
        let mut expected = Vec::new();
        for (name, from, samples, batch) in [("labelled", 0, 5, 2), ("unlabelled", 5, 7, 3)] {
            for at in step * batch..(step + 1) * batch {
                let mut order: Vec<usize> = (from..from + samples).collect();
                order.shuffle(&mut SEED.stream(StreamKey {
                    epoch: at / samples as u64,
                    sample_id: "",
                    purpose: name,
                }));
                expected.push(order[(at % samples as u64) as usize]);
            }
        }
        assert_eq!(indices(&mut sampler, step..step + 1), [expected]);
    }
}

/// Labelled samples come first and are 0 to 2; 3 to 9 carry no label.
#[test]
fn two_streams_keep_their_shares() {
    for (labelled, unlabelled, batch, expected) in [
        (3, 7, [2, 2], [2, 2]),
        (3, 7, [4, 3], [4, 3]),
        (3, 1, [2, 4], [2, 4]),
        (3, 0, [2, 2], [2, 0]),
        (0, 7, [2, 2], [0, 2]),
        (3, 7, [2, 0], [2, 0]),
    ] {
        let mut sampler = Sampler::two_streams(
            (0..labelled).collect(),
            (labelled..labelled + unlabelled).collect(),
            batch,
            Remainder::CarryOver,
        )
        .unwrap();
        let mut drawn = [Vec::new(), Vec::new()];
        for step in 0..21 {
            let draws = sampler.batch(step, SEED);
            let of = |s: usize| draws.iter().filter(move |d| d.stream == s);
            assert_eq!([of(0).count(), of(1).count()], expected);
            for stream in [0, 1] {
                assert!(of(stream).enumerate().all(|(k, d)| d.place == k));
                drawn[stream].extend(of(stream).map(|d| d.index));
            }
        }
        for epoch in drawn[0].chunks_exact(labelled.max(1)) {
            assert_permutation(epoch, labelled);
        }
        for epoch in drawn[1].chunks_exact(unlabelled.max(1)) {
            let epoch: Vec<usize> = epoch.iter().map(|i| i - labelled).collect();
            assert_permutation(&epoch, unlabelled);
        }
    }
}

#[test]
fn cursors_lead_back_to_their_steps() {
    for remainder in [Remainder::Drop, Remainder::Keep, Remainder::CarryOver] {
        let sampler = Sampler::shuffled(7, 3, remainder).unwrap();
        for step in 0..12 {
            assert_eq!(sampler.step_at(sampler.cursor(step)).unwrap(), step);
        }
        let between = Cursor {
            epoch: 0,
            position: 2,
        };
        let message = sampler.step_at(between).unwrap_err().to_string();
        assert!(message.contains("position 2"), "{message}");
    }
    let carrying = Sampler::shuffled(7, 3, Remainder::CarryOver).unwrap();
    assert_eq!(
        carrying.cursor(5),
        Cursor {
            epoch: 2,
            position: 1
        }
    );
    let epochs: Vec<_> = (0..3).map(|e| carrying.steps_of_epoch(e)).collect();
    assert_eq!(epochs, [0..3, 3..5, 5..7]);
}

#[test]
fn shards_make_up_the_whole_batch() {
    let sampler = || {
        let (labelled, unlabelled) = ((0..5).collect(), (5..16).collect());
        Sampler::two_streams(labelled, unlabelled, [3, 4], Remainder::CarryOver).unwrap()
    };
    for world in [1, 2, 3, 9] {
        for step in 0..4 {
            let whole = sampler().batch(step, SEED);
            let mut parts: Vec<Draw> = (0..world)
                .flat_map(|rank| {
                    let shard = Shard { rank, world };
                    sampler().sharded(shard).unwrap().batch(step, SEED)
                })
                .collect();
            parts.sort_by_key(|d| (d.stream, d.place));
            assert_eq!(parts, whole, "world {world}");
        }
    }
    assert!(sampler().sharded(Shard { rank: 2, world: 2 }).is_err());
}

#[test]
fn what_makes_no_batch_is_refused() {
    for (samples, batch, remainder) in [
        (0, 2, Remainder::CarryOver),
        (3, 0, Remainder::Keep),
        (3, 4, Remainder::Drop),
    ] {
        let message = Sampler::shuffled(samples, batch, remainder)
            .unwrap_err()
            .to_string();
        assert!(
            message.contains(&format!("{batch} of {samples} samples")),
            "{message}"
        );
    }
    assert!(Sampler::two_streams(vec![], vec![], [1, 1], Remainder::Keep).is_err());
}
