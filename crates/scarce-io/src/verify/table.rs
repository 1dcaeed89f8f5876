//! The report for people.

use std::fmt;

use super::report::{Status, VerifyReport};

/// A line for each fault, errors first, and how many files fared how.
impl fmt::Display for VerifyReport {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults = |status: Status| {
            let files = self.files.iter().filter(move |file| file.status == status);
            files.flat_map(|file| file.faults.iter().map(move |fault| (file, fault)))
        };
        let lines = || faults(Status::Error).chain(faults(Status::Warning));
        let width = lines()
            .map(|(_, fault)| fault.code.len())
            .max()
            .unwrap_or(0);
        for (file, fault) in lines() {
            let status = match file.status {
                Status::Error => "error",
                Status::Warning => "warning",
                Status::Ok => "ok",
            };
            // Most messages end with their file.
            let path = file.path.display().to_string();
            let message = fault.message.trim_end_matches(&path).trim_end_matches(": ");
            writeln!(
                out,
                "{status:<7}  {:<width$}  {path}  {message}",
                fault.code
            )?;
        }
        writeln!(
            out,
            "{} ok, {} with warnings, {} with errors",
            self.n_ok, self.n_warning, self.n_error
        )
    }
}
