//! Faults of many files.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::report::{Fault, Judged, Status};

/// Faults by file.
#[derive(Default)]
pub(super) struct Faults(BTreeMap<PathBuf, Vec<Fault>>);

impl Faults {
    pub(super) fn add(&mut self, path: PathBuf, fault: Fault) {
        self.0.entry(path).or_default().push(fault);
    }

    pub(super) fn into_reports(self) -> Vec<Judged> {
        let reports = self
            .0
            .into_iter()
            .map(|(path, faults)| (path, Status::Error, faults));
        reports.collect()
    }
}
