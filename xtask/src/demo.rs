//! `demo`: the main job on real scans, from nothing to a report.

use std::time::Instant;

use anyhow::Result;

use crate::pipeline::{self, pipeline};
use crate::setup;
use crate::workspace::Workspace;

/// Sets up, fetches and runs `datasets/demo.toml`, and says where the report is.
///
/// # Errors
/// As [`setup::ensure`] and [`pipeline()`].
pub fn demo(workspace: &Workspace, options: &pipeline::Options) -> Result<()> {
    let start = Instant::now();
    setup::ensure(workspace)?;
    let result = pipeline(workspace, &workspace.datasets().join("demo.toml"), options)?;
    let seconds = start.elapsed().as_secs();
    println!("demo done in {} min {:02} s", seconds / 60, seconds % 60);
    if let Some(report) = result {
        println!("report: {}", report.display());
    }
    Ok(())
}
