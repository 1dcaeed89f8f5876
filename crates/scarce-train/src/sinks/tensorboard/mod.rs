//! Event files that TensorBoard opens.

mod event;
mod record;

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use event::Event;

use super::Sink;
use crate::TrainError;
use crate::checkpoint::io;

/// A folder of event files, as `tensorboard --logdir` reads it: every figure a scalar under its name.
///
/// Each session writes a file of its own; they sort in the order they were made. On resume, records of
/// the steps to come are cut off the earlier files, with anything that a kill left half-written, and the
/// new file tells a TensorBoard that has read them already to forget them.
#[derive(Debug)]
pub struct TensorBoard {
    folder: PathBuf,
    file: Option<(File, PathBuf)>,
    resumed_at: Option<u64>,
}

impl TensorBoard {
    /// Into `folder`, which is created with the first figure.
    pub fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            file: None,
            resumed_at: None,
        }
    }

    /// Adds a PNG file's bytes as an image of `size_yx` pixels under `tag`.
    ///
    /// # Errors
    /// [`TrainError::Io`].
    pub fn add_png(
        &mut self,
        step: u64,
        tag: &str,
        size_yx: [usize; 2],
        png: &[u8],
    ) -> Result<(), TrainError> {
        self.write(&Event::png(now_s(), step, tag, size_yx, png))
    }

    fn write(&mut self, event: &Event) -> Result<(), TrainError> {
        let (file, path) = match &mut self.file {
            Some(open) => open,
            none => none.insert(create(&self.folder, self.resumed_at)?),
        };
        // One call: a kill cuts the file short, and never leaves a hole in it.
        file.write_all(&record::framed(event))
            .map_err(io("cannot write", path))
    }
}

impl Sink for TensorBoard {
    fn on_step(&mut self, step: u64, figures: &[(String, f64)]) -> Result<(), TrainError> {
        self.write(&Event::scalars(now_s(), step, figures))
    }

    fn resume_at(&mut self, step: u64) -> Result<(), TrainError> {
        self.file = None;
        self.resumed_at = Some(step);
        for path in event_files(&self.folder)? {
            let bytes = fs::read(&path).map_err(io("cannot read", &path))?;
            let kept = record::length_before(&bytes, step);
            if kept < bytes.len() {
                OpenOptions::new()
                    .write(true)
                    .open(&path)
                    .and_then(|file| file.set_len(kept as u64))
                    .map_err(io("cannot cut", &path))?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), TrainError> {
        match &self.file {
            Some((file, path)) => file.sync_data().map_err(io("cannot sync", path)),
            None => Ok(()),
        }
    }
}

/// A new event file with its head.
fn create(folder: &Path, resumed_at: Option<u64>) -> Result<(File, PathBuf), TrainError> {
    fs::create_dir_all(folder).map_err(io("cannot create", folder))?;
    let earlier = event_files(folder)?.len();
    // TensorBoard wants `tfevents` in a name, and reads files in the order of their names.
    let path = folder.join(format!("events.out.tfevents.{earlier:010}.scarce"));
    let mut file = OpenOptions::new()
        .create_new(true)
        .append(true)
        .open(&path)
        .map_err(io("cannot create", &path))?;
    let mut head = record::framed(&Event::version(now_s()));
    if let Some(step) = resumed_at {
        head.extend(record::framed(&Event::restart(now_s(), step)));
    }
    file.write_all(&head).map_err(io("cannot write", &path))?;
    Ok((file, path))
}

fn event_files(folder: &Path) -> Result<Vec<PathBuf>, TrainError> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(io("cannot list", folder))? {
        let entry = entry.map_err(io("cannot list", folder))?;
        if entry.file_name().to_string_lossy().contains("tfevents") {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

/// Seconds since 1970, for TensorBoard's "wall" axis; nothing of the training depends on it.
fn now_s() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |time| time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(folder: &Path) -> Vec<Vec<i64>> {
        event_files(folder)
            .unwrap()
            .iter()
            .map(|path| {
                let bytes = fs::read(path).unwrap();
                let (events, read) = record::read(&bytes);
                assert_eq!(read, bytes.len(), "{} is damaged", path.display());
                events
                    .iter()
                    .filter(|e| e.has_figures())
                    .map(|e| e.step)
                    .collect()
            })
            .collect()
    }

    fn log(board: &mut TensorBoard, steps: std::ops::Range<u64>) {
        for step in steps {
            board.on_step(step, &[("loss".to_owned(), 0.5)]).unwrap();
        }
        board.flush().unwrap();
    }

    #[test]
    fn resuming_leaves_no_step_twice() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("tensorboard");
        let mut board = TensorBoard::new(&folder);
        board.resume_at(0).unwrap();
        log(&mut board, 0..5);
        board.add_png(5, "slice", [1, 2], b"png").unwrap();
        // A kill leaves half a record.
        let (file, _) = board.file.as_mut().unwrap();
        file.write_all(&record::framed(&Event::scalars(0.0, 6, &[]))[..9])
            .unwrap();

        let mut board = TensorBoard::new(&folder);
        board.resume_at(3).unwrap();
        log(&mut board, 3..7);
        assert_eq!(steps(&folder), [vec![0, 1, 2], vec![3, 4, 5, 6]]);
        let mut board = TensorBoard::new(&folder);
        board.resume_at(2).unwrap();
        log(&mut board, 2..4);
        assert_eq!(steps(&folder), [vec![0, 1], vec![], vec![2, 3]]);
    }
}
