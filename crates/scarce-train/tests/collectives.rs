//! Collectives and meetings, each process played by a thread.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use scarce_train::distributed::{
    DistributedError, GradientAverager, Group, Launcher, Moments, Placement,
};
use tch::{Device, Kind, Tensor};

const TIMEOUT: Duration = Duration::from_secs(20);

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn placement(rank: u32, world_size: u32, port: u16) -> Placement {
    Placement {
        rank,
        local_rank: Some(rank),
        world_size,
        store_host: "127.0.0.1".to_owned(),
        store_port: port,
        store_is_running: false,
        attempt: 0,
        launcher: Launcher::Variables,
    }
}

/// Runs `body` for each rank of a group of `world_size`; the results in order of rank.
fn on_each<T: Send>(
    world_size: u32,
    timeout: Duration,
    body: impl Fn(Group) -> T + Sync,
) -> Vec<T> {
    let port = free_port();
    let body = &body;
    thread::scope(|scope| {
        let threads: Vec<_> = (0..world_size)
            .map(|rank| {
                scope.spawn(move || {
                    body(Group::join(placement(rank, world_size, port), timeout).unwrap())
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    })
}

fn numbers(tensor: &Tensor) -> Vec<f64> {
    let flat = tensor
        .detach()
        .to_kind(Kind::Double)
        .contiguous()
        .view([-1]);
    Vec::try_from(&flat).unwrap()
}

#[test]
fn collectives_reach_all_and_keep_the_layout() {
    let results = on_each(3, TIMEOUT, |group| {
        let mine = f64::from(group.rank()) + 1.0;
        let options = (Kind::Float, Device::Cpu);
        // One process's memory is in another order.
        let laid_out = |t: Tensor| {
            if group.rank() == 1 {
                t.tr().contiguous().tr()
            } else {
                t
            }
        };
        let grid = || laid_out(Tensor::arange(6, options).view([2, 3]) * mine);
        let (sum, mean) = (grid(), grid().set_requires_grad(true));
        group.all_reduce_sum(&sum).unwrap();
        group.all_reduce_mean(&mean).unwrap();
        let floats = grid().set_requires_grad(true);
        let integers = Tensor::from_slice(&[i64::from(group.rank()); 2]);
        group
            .broadcast(&[floats.shallow_clone(), integers.shallow_clone()])
            .unwrap();
        group.broadcast(&[]).unwrap();
        let votes = [
            group.any(false).unwrap(),
            group.any(group.rank() == 2).unwrap(),
            group.any(true).unwrap(),
        ];
        let share = group.share(7).unwrap().range;
        let is_main = group.is_main();
        group.finish().unwrap();
        let tensors = [sum, mean, floats, integers].map(|t| numbers(&t));
        (tensors, votes, share, is_main)
    });
    let times = |factor: f64| (0..6).map(|i| f64::from(i) * factor).collect::<Vec<_>>();
    for (rank, (tensors, votes, share, is_main)) in results.into_iter().enumerate() {
        assert_eq!(
            tensors,
            [times(6.0), times(2.0), times(1.0), vec![0.0, 0.0]]
        );
        assert_eq!(votes, [false, true, true]);
        assert_eq!(share, [0..2, 2..4, 4..7][rank]);
        assert_eq!(is_main, rank == 0);
    }
}

/// Each loss is c S² with S = Σ x and its own c: dΣL/dx = 2 S Σ c on every process.
#[test]
fn gradients_of_a_sum_come_from_all_losses() {
    let results = on_each(2, TIMEOUT, |group| {
        let x = Tensor::from_slice(&[f64::from(group.rank()) + 1.0]).set_requires_grad(true);
        let sum = group.sum(&x).unwrap();
        let loss = sum.square() * (f64::from(group.rank()) * 4.0 + 1.0);
        loss.sum(Kind::Double).backward();
        let gradient = numbers(&x.grad());
        group.finish().unwrap();
        (numbers(&sum), gradient)
    });
    assert_eq!(results, vec![(vec![3.0], vec![36.0]); 2]);
}

#[test]
fn moments_add_up_to_those_of_all_features() {
    let all = || {
        let rows = Tensor::arange(20, (Kind::Double, Device::Cpu)).view([5, 4]);
        (rows.sin() * 3.0 + 1.0).detach()
    };
    let results = on_each(2, TIMEOUT, |group| {
        let share = group.share(5).unwrap().range;
        let rows = all().narrow(0, share.start as i64, share.len() as i64);
        let moments = Moments::of(&rows).unwrap().over_processes(&group).unwrap();
        let found = (
            numbers(&moments.covariance().unwrap()),
            numbers(&moments.mean().unwrap()),
        );
        group.finish().unwrap();
        found
    });
    let covariance = all().tr().cov(1, None::<&Tensor>, None::<&Tensor>);
    let mean = all().mean_dim([0i64].as_slice(), false, Kind::Double);
    for (got_covariance, got_mean) in results {
        let near = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12);
        assert!(
            near(&got_covariance, &numbers(&covariance)),
            "{got_covariance:?}"
        );
        assert!(near(&got_mean, &numbers(&mean)), "{got_mean:?}");
    }
}

#[test]
fn gradients_are_averaged_over_processes_and_micro_batches() {
    let results = on_each(2, TIMEOUT, |group| {
        let rank = f64::from(group.rank());
        let parameter = || Tensor::from_slice(&[1.0]).set_requires_grad(true);
        let (everywhere, on_rank_1, nowhere) = (parameter(), parameter(), parameter());
        let all = [&everywhere, &on_rank_1, &nowhere].map(Tensor::shallow_clone);
        let mut averager = GradientAverager::new(&group, &all, 1 << 20).unwrap();
        let mut steps = Vec::new();
        for step in 0..3 {
            let mut everywhere = everywhere.shallow_clone();
            everywhere.zero_grad();
            let loss = |factor: f64| {
                let loss = (&everywhere * factor).sum(Kind::Double);
                if rank == 1.0 {
                    loss + (&on_rank_1 * 8.0).sum(Kind::Double)
                } else {
                    loss
                }
            };
            if step == 2 {
                loss(10.0).backward();
            }
            averager.backward(&loss(rank + 1.0)).unwrap();
            steps.push(numbers(&everywhere.grad()));
        }
        let found = (steps, numbers(&on_rank_1.grad()), nowhere.grad().defined());
        group.finish().unwrap();
        found
    });
    // The average of 1 and 2; with a micro-batch of 10 on each before, 11.5. What only rank 1 uses adds
    // up over the steps: 4, 4 and, with the micro-batch, 8.
    let steps = vec![vec![1.5], vec![1.5], vec![11.5]];
    let first = results.first().unwrap();
    assert_eq!(first.0, steps);
    assert!(!first.2);
    assert_eq!(results[0], results[1]);
}

#[test]
fn the_error_names_who_is_slow_and_why_another_gave_up() {
    let timeout = Duration::from_secs(2);
    let reports = on_each(2, timeout, |group| {
        if group.rank() == 1 {
            group.at_step(17);
            thread::sleep(timeout * 3);
            return String::new();
        }
        group.barrier().unwrap_err().to_string()
    });
    let said = "rank 1 is alive but keeps the others waiting, at step 17";
    assert!(reports[0].contains(said), "{}", reports[0]);

    let reports = on_each(3, TIMEOUT, |group| {
        if group.rank() == 1 {
            group.abandon("loss of step 3 is NaN");
            return String::new();
        }
        group.barrier().unwrap_err().to_string()
    });
    for rank in [0, 2] {
        let said = "rank 1 gave up: loss of step 3 is NaN";
        assert!(reports[rank].contains(said), "{}", reports[rank]);
    }
}

#[test]
fn processes_that_cannot_meet_say_what_to_do() {
    let short = Duration::from_secs(1);
    let join = |placement: Placement, timeout| Group::join(placement, timeout).unwrap_err();

    let error = join(placement(0, 3, free_port()), short);
    assert!(
        matches!(&error, DistributedError::Absent { ranks, .. } if ranks == &[1, 2]),
        "{error}"
    );

    let taken = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let error = join(placement(0, 2, port), short).to_string();
    assert!(error.contains("MASTER_PORT"), "{error}");

    let error = join(placement(1, 2, free_port()), short).to_string();
    assert!(
        error.contains("no store at 127.0.0.1") && error.contains("MASTER_ADDR"),
        "{error}"
    );

    let port = free_port();
    let pair = |first: Placement, second: Placement, timeout| {
        thread::scope(|scope| {
            let other = scope.spawn(|| join(second, timeout).to_string());
            [join(first, timeout).to_string(), other.join().unwrap()]
        })
    };
    for error in pair(placement(0, 2, port), placement(1, 3, port), TIMEOUT) {
        assert!(error.contains("a world size of"), "{error}");
    }
    let port = free_port();
    let other = Placement {
        store_is_running: true,
        ..placement(0, 2, port)
    };
    let errors = pair(placement(0, 2, port), other, short * 3).concat();
    assert!(errors.contains("rank 0 was taken"), "{errors}");
}
