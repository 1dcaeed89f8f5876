//! `metrics.jsonl`, a row a step, and `metrics.csv`, the same as one table.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::Sink;
use crate::TrainError;
use crate::checkpoint::{io, write_whole};

/// The rows of `metrics.jsonl`; a figure that is not finite is `null`.
#[derive(Debug)]
pub struct MetricsTable {
    folder: PathBuf,
    rows: File,
}

impl MetricsTable {
    /// Opens or creates `metrics.jsonl` in `folder`; new rows follow those it has.
    ///
    /// # Errors
    /// [`TrainError::Io`].
    pub fn open(folder: &Path) -> Result<Self, TrainError> {
        Ok(Self {
            folder: folder.to_owned(),
            rows: append(&folder.join("metrics.jsonl"))?,
        })
    }

    /// Writes `metrics.csv`, the rows of `metrics.jsonl` as one table; columns in order of their
    /// first appearance.
    ///
    /// # Errors
    /// [`TrainError::Io`].
    pub fn write_csv(&self) -> Result<(), TrainError> {
        let rows = self.read()?;
        let mut columns: Vec<&String> = Vec::new();
        for key in rows.iter().flat_map(Map::keys) {
            if !columns.contains(&key) {
                columns.push(key);
            }
        }
        let mut text = columns
            .iter()
            .map(|c| c.as_str())
            .collect::<Vec<_>>()
            .join(",");
        for row in &rows {
            text.push('\n');
            let cells: Vec<String> = columns
                .iter()
                .map(|c| match row.get(*c) {
                    None | Some(Value::Null) => String::new(),
                    Some(value) => value.to_string(),
                })
                .collect();
            text.push_str(&cells.join(","));
        }
        text.push('\n');
        write_whole(&self.folder.join("metrics.csv"), text.as_bytes())
    }

    fn path(&self) -> PathBuf {
        self.folder.join("metrics.jsonl")
    }

    fn read(&self) -> Result<Vec<Map<String, Value>>, TrainError> {
        let path = self.path();
        let file = File::open(&path).map_err(io("cannot open", &path))?;
        let mut rows = Vec::new();
        for line in BufReader::new(file).lines() {
            let line = line.map_err(io("cannot read", &path))?;
            // A kill can leave half a last line; its step will be done again.
            if let Ok(Value::Object(row)) = serde_json::from_str(&line) {
                rows.push(row);
            }
        }
        Ok(rows)
    }
}

impl Sink for MetricsTable {
    fn on_step(&mut self, step: u64, figures: &[(String, f64)]) -> Result<(), TrainError> {
        let mut row = Map::new();
        row.insert("step".to_owned(), step.into());
        for (name, value) in figures {
            row.insert(
                name.clone(),
                serde_json::Number::from_f64(*value).map_or(Value::Null, Value::Number),
            );
        }
        let line = format!("{}\n", Value::Object(row));
        self.rows
            .write_all(line.as_bytes())
            .map_err(io("cannot write", &self.path()))
    }

    fn resume_at(&mut self, step: u64) -> Result<(), TrainError> {
        let path = self.path();
        let text = fs::read_to_string(&path).map_err(io("cannot read", &path))?;
        // Lines are kept as they are: a float that is parsed and printed again can change its last digit.
        let kept: Vec<&str> = text
            .split_inclusive('\n')
            .filter(|line| {
                let row: Option<Map<String, Value>> = serde_json::from_str(line).ok();
                row.and_then(|row| row.get("step")?.as_u64())
                    .is_some_and(|s| s < step)
            })
            .collect();
        if kept.len() as u64 != step {
            tracing::warn!(
                "{} has {} of the {step} rows before the checkpoint",
                path.display(),
                kept.len()
            );
        }
        write_whole(&path, kept.concat().as_bytes())?;
        self.rows = append(&path)?;
        Ok(())
    }

    fn flush(&mut self) -> Result<(), TrainError> {
        let path = self.path();
        self.rows
            .sync_data()
            .and_then(|()| fs::metadata(&path))
            .map(|_| ())
            .map_err(io("cannot keep the metrics", &path))
    }
}

fn append(path: &Path) -> Result<File, TrainError> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .map_err(io("cannot open", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resuming_leaves_no_step_twice() {
        let folder = tempfile::tempdir().unwrap();
        let mut table = MetricsTable::open(folder.path()).unwrap();
        let log = |table: &mut MetricsTable, step: u64, loss: f64| {
            table.on_step(step, &[("loss".to_owned(), loss)]).unwrap();
        };
        for step in 0..4 {
            log(&mut table, step, 0.1);
        }
        // A kill leaves half a row.
        table.rows.write_all(b"{\"step\":4,\"lo").unwrap();
        let mut table = MetricsTable::open(folder.path()).unwrap();
        table.resume_at(2).unwrap();
        log(&mut table, 2, f64::NAN);
        table.flush().unwrap();
        table.write_csv().unwrap();
        let read = |name| fs::read_to_string(folder.path().join(name)).unwrap();
        let rows: Vec<Value> = read("metrics.jsonl")
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let row = |step: u64, loss: Option<f64>| serde_json::json!({"step": step, "loss": loss});
        assert_eq!(rows, [row(0, Some(0.1)), row(1, Some(0.1)), row(2, None)]);
        // serde_json keeps or sorts a row's keys, as a feature that others may set has it.
        let expected = [
            "step,loss\n0,0.1\n1,0.1\n2,\n",
            "loss,step\n0.1,0\n0.1,1\n,2\n",
        ];
        assert!(expected.contains(&read("metrics.csv").as_str()));
    }
}
