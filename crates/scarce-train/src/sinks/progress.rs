//! One line that says how a run goes.

use std::collections::VecDeque;
use std::fmt::{self, Write as _};
use std::io::{self, IsTerminal as _, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::Sink;
use crate::TrainError;
use crate::loader::DataWait;

/// Steps over which speed and waiting are averaged.
const WINDOW: usize = 50;

/// How a run goes: `step 120/15000  3.4 it/s  data 2%  loss 0.2173  ETA 1:12:56  RSS 1.3 GiB`.
///
/// On a terminal it is one line at the bottom, drawn anew; elsewhere a line of the log now and then. Speed and the
/// share of time spent waiting for data are those of the last 50 steps; memory is this process's resident
/// set, where the system tells (Linux).
pub struct Progress {
    steps: u64,
    every: u64,
    wait: Option<DataWait>,
    output: Output,
    recent: VecDeque<(Instant, f64)>,
}

enum Output {
    Bar(ProgressBar),
    Log,
    Lines(Box<dyn Write + Send>),
}

impl Progress {
    /// Of a run of `steps` steps: a line drawn anew where standard error is a terminal, elsewhere one line of
    /// the log every `every` steps and at the end.
    pub fn new(steps: u64, every: u64) -> Self {
        if !io::stderr().is_terminal() {
            return Self::onto(steps, every, Output::Log);
        }
        let bar = ProgressBar::new_spinner().with_style(ProgressStyle::default_bar());
        // A template of our own text alone; the one it starts with would be a bar of unknown length.
        let style = ProgressStyle::with_template("{msg}").unwrap_or_else(|_| bar.style());
        Self::onto(steps, every, Output::Bar(bar.with_style(style)))
    }

    /// Plain lines into `writer`, one every `every` steps and one at the end.
    pub fn to_writer(steps: u64, every: u64, writer: Box<dyn Write + Send>) -> Self {
        Self::onto(steps, every, Output::Lines(writer))
    }

    fn onto(steps: u64, every: u64, output: Output) -> Self {
        Self {
            steps,
            every: every.max(1),
            wait: None,
            output,
            recent: VecDeque::with_capacity(WINDOW + 1),
        }
    }

    /// Shows also how much of the time goes by waiting for a loader's batches
    /// ([`crate::loader::Loader::data_wait`]).
    #[must_use]
    pub fn with_data_wait(mut self, wait: DataWait) -> Self {
        self.wait = Some(wait);
        self
    }

    fn reading(&self, step: u64, figures: &[(String, f64)]) -> Reading {
        let mut reading = Reading {
            done: step + 1,
            steps: self.steps,
            loss: figures.iter().find(|(name, _)| name == "loss").map(|f| f.1),
            resident_bytes: resident_bytes(),
            ..Reading::default()
        };
        if let (Some((from, waited_from)), Some((to, waited_to))) =
            (self.recent.front(), self.recent.back())
        {
            let seconds = to.duration_since(*from).as_secs_f64();
            if seconds > 0.0 {
                reading.steps_per_s = Some((self.recent.len() - 1) as f64 / seconds);
                let share = (waited_to - waited_from) / seconds;
                reading.data_wait_share = self.wait.as_ref().map(|_| share.clamp(0.0, 1.0));
            }
        }
        reading
    }
}

impl Sink for Progress {
    fn on_step(&mut self, step: u64, figures: &[(String, f64)]) -> Result<(), TrainError> {
        let waited = self.wait.as_ref().map_or(0.0, DataWait::seconds);
        self.recent.push_back((Instant::now(), waited));
        if self.recent.len() > WINDOW + 1 {
            self.recent.pop_front();
        }
        let last = step + 1 >= self.steps;
        let due = last || (step + 1).is_multiple_of(self.every);
        if matches!(self.output, Output::Bar(_)) || due {
            let line = self.reading(step, figures).to_string();
            match &mut self.output {
                Output::Bar(bar) if last => bar.finish_with_message(line),
                Output::Bar(bar) => bar.set_message(line),
                Output::Log => tracing::info!("{line}"),
                // What the lines go to may be closed; that is no reason to end a training.
                Output::Lines(writer) => drop(writeln!(writer, "{line}")),
            }
        }
        Ok(())
    }

    fn resume_at(&mut self, _step: u64) -> Result<(), TrainError> {
        self.recent.clear();
        Ok(())
    }

    fn flush(&mut self) -> Result<(), TrainError> {
        if let Output::Lines(writer) = &mut self.output {
            let _ = writer.flush();
        }
        Ok(())
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        // A run that fails leaves its last line standing, and its error begins on the next.
        if let Output::Bar(bar) = &self.output {
            bar.abandon();
        }
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Progress")
            .field("steps", &self.steps)
            .field("every", &self.every)
            .finish_non_exhaustive()
    }
}

/// What a line says; what isn't known is left out.
#[derive(Debug, Default, Clone, Copy)]
struct Reading {
    done: u64,
    steps: u64,
    steps_per_s: Option<f64>,
    data_wait_share: Option<f64>,
    loss: Option<f64>,
    resident_bytes: Option<u64>,
}

impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "step {}/{}", self.done, self.steps)?;
        match self.steps_per_s {
            Some(speed) if speed >= 1.0 => write!(f, "  {speed:.1} it/s")?,
            Some(speed) => write!(f, "  {:.1} s/it", 1.0 / speed)?,
            None => {}
        }
        if let Some(share) = self.data_wait_share {
            write!(f, "  data {:.0}%", 100.0 * share)?;
        }
        if let Some(loss) = self.loss {
            write!(f, "  loss {loss:.4}")?;
        }
        if let Some(speed) = self.steps_per_s {
            let left_s = self.steps.saturating_sub(self.done) as f64 / speed;
            write!(f, "  ETA {}", clock(left_s))?;
        }
        if let Some(bytes) = self.resident_bytes {
            write!(f, "  RSS {:.1} GiB", bytes as f64 / f64::from(1 << 30))?;
        }
        Ok(())
    }
}

/// `1:02:03`, with days in front where there are any.
fn clock(seconds: f64) -> String {
    let seconds = Duration::try_from_secs_f64(seconds.round()).map_or(0, |time| time.as_secs());
    let mut text = String::new();
    if seconds >= 86_400 {
        let _ = write!(text, "{}d ", seconds / 86_400);
    }
    let (hours, minutes) = (seconds / 3600 % 24, seconds / 60 % 60);
    let _ = write!(text, "{hours}:{minutes:02}:{:02}", seconds % 60);
    text
}

/// Bytes of memory this process holds.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn a_line_says_what_is_known() {
        let whole = Reading {
            done: 120,
            steps: 15_000,
            steps_per_s: Some(3.4),
            data_wait_share: Some(0.021),
            loss: Some(0.217_34),
            resident_bytes: Some(1_400_000_000),
        };
        let slow = Reading {
            steps_per_s: Some(0.1),
            data_wait_share: None,
            resident_bytes: None,
            ..whole
        };
        let first = Reading {
            done: 1,
            steps: 2,
            ..Reading::default()
        };
        for (reading, expected) in [
            (
                whole,
                "step 120/15000  3.4 it/s  data 2%  loss 0.2173  ETA 1:12:56  RSS 1.3 GiB",
            ),
            (
                slow,
                "step 120/15000  10.0 s/it  loss 0.2173  ETA 1d 17:20:00",
            ),
            (first, "step 1/2"),
        ] {
            assert_eq!(reading.to_string(), expected);
        }
    }

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_come_now_and_then_and_at_the_end() {
        let written = Shared::default();
        let mut progress = Progress::to_writer(25, 10, Box::new(written.clone()));
        progress = progress.with_data_wait(DataWait::default());
        for step in 0..25 {
            progress
                .on_step(step, &[("loss".to_owned(), step as f64)])
                .unwrap();
        }
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3, "{text}");
        for (line, start, loss) in [
            (lines[0], "step 10/25 ", "loss 9.0000"),
            (lines[1], "step 20/25 ", "loss 19.0000"),
            (lines[2], "step 25/25 ", "loss 24.0000"),
        ] {
            assert!(line.starts_with(start) && line.contains(loss), "{line}");
            assert!(line.contains("data 0%"), "{line}");
        }
        assert!(lines[2].contains("ETA 0:00:00"), "{text}");
    }
}
