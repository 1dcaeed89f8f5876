//! How long each epoch took, and how much of that went by waiting for data.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::Sink;
use crate::TrainError;
use crate::checkpoint::{io, write_whole};
use crate::loader::DataWait;

const HEADER: &str = "epoch,steps,seconds,data_wait_s";

/// Writes `epochs.csv`, a row an epoch with its number from 0, its steps, its seconds and those of them that the
/// trainer stood waiting for data, and a line of the log for each.
///
/// Times differ from run to run; a run's other figures don't, which is why these have a file of their own. An epoch in
/// which a run was interrupted has fewer steps: those since it went on.
pub struct EpochTimes {
    path: PathBuf,
    steps_an_epoch: u64,
    wait: DataWait,
    rows: Vec<String>,
    /// When the epoch began, what had been waited by then, and its first step.
    began: Option<(Instant, f64, u64)>,
}

impl EpochTimes {
    /// Into the run folder `run`, with the loader's waiting ([`crate::loader::Loader::data_wait`]).
    pub fn new(run: &Path, steps_an_epoch: u64, wait: DataWait) -> Self {
        Self {
            path: run.join("epochs.csv"),
            steps_an_epoch: steps_an_epoch.max(1),
            wait,
            rows: Vec::new(),
            began: None,
        }
    }

    fn write(&self) -> Result<(), TrainError> {
        let mut text = HEADER.to_owned();
        for row in &self.rows {
            text.push('\n');
            text.push_str(row);
        }
        text.push('\n');
        write_whole(&self.path, text.as_bytes())
    }
}

impl Sink for EpochTimes {
    fn on_step(&mut self, step: u64, _figures: &[(String, f64)]) -> Result<(), TrainError> {
        let (now, waited) = (Instant::now(), self.wait.seconds());
        // A step's figures come at its end: the first one's beginning isn't known, so timing starts after it.
        let Some((then, waited_then, first)) = self.began else {
            self.began = Some((now, waited, step + 1));
            return Ok(());
        };
        if !(step + 1).is_multiple_of(self.steps_an_epoch) {
            return Ok(());
        }
        let epoch = step / self.steps_an_epoch;
        let (steps, seconds) = (step + 1 - first, (now - then).as_secs_f64());
        let waiting = waited - waited_then;
        tracing::info!(
            "epoch {epoch}: {steps} steps in {seconds:.1} s, {waiting:.1} s of it waiting for data"
        );
        self.rows
            .push(format!("{epoch},{steps},{seconds:.3},{waiting:.3}"));
        self.began = Some((now, waited, step + 1));
        self.write()
    }

    fn resume_at(&mut self, step: u64) -> Result<(), TrainError> {
        if !self.path.is_file() {
            return Ok(());
        }
        let text = fs::read_to_string(&self.path)
            .map_err(io("cannot read the times of epochs", &self.path))?;
        let done = |row: &&str| {
            let epoch = row.split(',').next().and_then(|n| n.parse::<u64>().ok());
            epoch.is_some_and(|epoch| (epoch + 1) * self.steps_an_epoch <= step)
        };
        self.rows = text.lines().filter(done).map(str::to_owned).collect();
        self.write()
    }

    fn flush(&mut self) -> Result<(), TrainError> {
        Ok(())
    }
}

impl fmt::Debug for EpochTimes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EpochTimes")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_comes_for_each_epoch_and_goes_when_it_is_done_again() {
        let folder = tempfile::tempdir().unwrap();
        let read = || {
            let text = fs::read_to_string(folder.path().join("epochs.csv")).unwrap();
            let rows = text.lines().skip(1).map(|row| {
                let numbers = row.split(',').map(|n| n.parse().unwrap());
                numbers.collect::<Vec<f64>>()
            });
            rows.collect::<Vec<_>>()
        };
        let mut times = EpochTimes::new(folder.path(), 3, DataWait::default());
        for step in 0..8 {
            times.on_step(step, &[]).unwrap();
        }
        let rows = read();
        assert_eq!(rows.len(), 2);
        // Timing starts after the first step.
        assert_eq!([&rows[0][..2], &rows[1][..2]], [[0.0, 2.0], [1.0, 3.0]]);
        assert!(rows.iter().all(|row| row[2] >= row[3]));

        let mut resumed = EpochTimes::new(folder.path(), 3, DataWait::default());
        resumed.resume_at(4).unwrap();
        assert_eq!(read(), rows[..1]);
        for step in 4..9 {
            resumed.on_step(step, &[]).unwrap();
        }
        let epochs: Vec<[f64; 2]> = read().iter().map(|row| [row[0], row[1]]).collect();
        assert_eq!(epochs, [[0.0, 2.0], [1.0, 1.0], [2.0, 3.0]]);
    }
}
