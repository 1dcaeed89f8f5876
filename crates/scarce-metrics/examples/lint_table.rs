//! Looks for figures that no cases can have made, in a published table and in an invented one.
//!
//! ```text
//! cargo run -p scarce-metrics --example lint_table
//! ```
#![allow(clippy::print_stdout, reason = "an example shows its result")]

use std::error::Error;

use scarce_metrics::linter::{ResultsTable, lint};

fn main() -> Result<(), Box<dyn Error>> {
    // Left atrium, 20 test volumes, from Table I of arXiv:2410.15916.
    let published = ResultsTable::from_cells(
        &[
            "method",
            "Dice (%)",
            "Jaccard (%)",
            "95HD (voxel)",
            "ASD (voxel)",
        ],
        &[
            ["MC-Net+, 8", "87.68", "78.27", "10.35", "1.85"],
            ["CAML, 4", "86.78", "75.97", "10.34", "2.89"],
            ["CAML, 8", "89.33", "80.17", "8.82", "2.08"],
            ["CE-MT, 16", "89.67", "80.53", "7.21", "1.99"],
            ["CORN, 16", "91.22", "83.96", "5.34", "1.54"],
        ],
    )?;
    let invented = ResultsTable::from_cells(
        &[
            "method",
            "n",
            "Dice (%)",
            "Accuracy",
            "HD (mm)",
            "HD95 (mm)",
        ],
        &[
            ["A", "20", "86.78 ± 14.02", "0.85", "31.0", "8.2"],
            ["B", "20", "95 ± 30", "0.873", "7.1", "8.2"],
        ],
    )?;
    for table in [published, invented] {
        let findings = lint(&table);
        println!("{} rows, {} findings", table.rows().len(), findings.len());
        for finding in findings {
            println!("  {:?}: {finding}", finding.severity);
        }
    }
    Ok(())
}
