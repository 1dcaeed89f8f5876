//! What is checked, row by row.

mod digits;
mod distance;
mod overlap;
mod range;

use super::finding::{Finding, Rule};
use super::printed::{Cell, Printed};
use super::table::{Column, Metric, ResultsRow, ResultsTable};

/// All contradictions of a table, row by row.
pub fn lint(table: &ResultsTable) -> Vec<Finding> {
    let mut findings = Vec::new();
    for row in table.rows() {
        let about = table.columns().iter().map(|column| column.about.as_str());
        let mut things: Vec<&str> = about.collect();
        things.sort_unstable();
        things.dedup();
        for thing in things {
            let row = Row {
                printed: row,
                columns: table.columns(),
                about: thing,
            };
            for check in [range::check, overlap::check, distance::check, digits::check] {
                check(&row, &mut findings);
            }
        }
    }
    findings
}

/// What one row says of one thing.
struct Row<'a> {
    printed: &'a ResultsRow,
    columns: &'a [Column],
    about: &'a str,
}

/// One figure of it.
#[derive(Clone, Copy)]
struct Figure<'a> {
    column: &'a Column,
    cell: Cell,
    /// The mean; shares from 0 to 1, distances as they are.
    mean: Printed,
}

impl Row<'_> {
    fn figures(&self) -> impl Iterator<Item = Figure<'_>> {
        let cells = self.columns.iter().zip(&self.printed.cells);
        cells.filter_map(|(column, cell)| {
            let cell = (*cell).filter(|_| column.about == self.about)?;
            Some(Figure {
                column,
                cell,
                mean: cell.mean.scaled(column.scale.factor()),
            })
        })
    }

    fn figure(&self, metric: Metric) -> Option<Figure<'_>> {
        self.figures().find(|figure| figure.column.metric == metric)
    }

    /// That `figure` contradicts `others`: `said` names the bound, which is a share from 0 to 1 or a
    /// distance.
    fn finding(
        &self,
        rule: Rule,
        figure: Figure<'_>,
        others: &[Figure<'_>],
        bound: f64,
        said: impl Fn(&str) -> String,
    ) -> Finding {
        let on_scale = bound / figure.column.scale.factor();
        let decimals = figure.decimals();
        let shown = format!("{on_scale:.decimals$}");
        let printed = format!("{:.decimals$}", figure.cell.mean.value);
        Finding {
            row: self.printed.name.clone(),
            columns: std::iter::once(&figure)
                .chain(others)
                .map(|figure| figure.column.heading.clone())
                .collect(),
            rule,
            severity: rule.severity(),
            printed: figure.cell.mean.value,
            bound: on_scale,
            message: format!("mean {} {printed} {}", figure.column.heading, said(&shown)),
        }
    }
}

impl Figure<'_> {
    /// Heading and value.
    fn shown(&self) -> String {
        let decimals = self.decimals();
        format!(
            "{} {:.decimals$}",
            self.column.heading, self.cell.mean.value
        )
    }

    /// As many as are printed.
    fn decimals(&self) -> usize {
        (-self.cell.mean.unit.log10()).round().max(0.0) as usize
    }

    /// Whether the figure, whatever its last digit stands for, is above `bound`.
    fn surely_above(&self, bound: f64) -> bool {
        self.mean.low() > bound + slack(bound)
    }

    /// Whether the figure, whatever its last digit stands for, is below `bound`.
    fn surely_below(&self, bound: f64) -> bool {
        self.mean.high() < bound - slack(bound)
    }
}

/// Decimals are no binary numbers.
fn slack(bound: f64) -> f64 {
    1e-12 * bound.abs().max(1.0)
}
