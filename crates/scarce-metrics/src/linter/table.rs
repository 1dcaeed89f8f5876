//! Tables of results.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::printed::Cell;

/// What a column holds the means of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Metric {
    /// Dice coefficient of each case.
    Dice,
    /// Jaccard index of each case.
    Jaccard,
    /// Precision of each case.
    Precision,
    /// Recall of each case.
    Recall,
    /// Share of cases, one verdict each.
    Accuracy,
    /// Surface Dice of each case.
    SurfaceDice,
    /// Hausdorff distance.
    Hausdorff,
    /// Its 95th percentile.
    Hd95,
    /// Average surface distance, directed.
    Asd,
    /// Average surface distance of both directions.
    Assd,
}

impl Metric {
    /// Whether it lies within 0 and 1; else it is a distance.
    pub fn is_share(self) -> bool {
        !matches!(self, Self::Hausdorff | Self::Hd95 | Self::Asd | Self::Assd)
    }
}

/// In what a column is printed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scale {
    /// Shares from 0 to 100.
    Percent,
    /// Shares from 0 to 1.
    Fraction,
    /// Distances in this unit; only distances in one unit are compared.
    Distance(String),
}

impl Scale {
    /// What turns a printed share into one from 0 to 1; 1 for distances.
    pub(super) fn factor(&self) -> f64 {
        if *self == Self::Percent { 0.01 } else { 1.0 }
    }
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its heading.
    pub heading: String,
    /// What it holds.
    pub metric: Metric,
    /// In what it is printed.
    pub scale: Scale,
    /// What it is about, such as a structure: only columns about the same are compared. Empty
    /// where the table is about one thing.
    pub about: String,
}

/// A row: a method, say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResultsRow {
    /// Its name.
    pub name: String,
    /// Over how many cases its means are, if that is known.
    pub n_cases: Option<usize>,
    /// One cell for each column; none where nothing is printed.
    pub cells: Vec<Option<Cell>>,
}

/// A table of means over cases. Each row has as many cells as there are columns.
#[derive(Debug, Clone, PartialEq)]
pub struct ResultsTable {
    columns: Vec<Column>,
    rows: Vec<ResultsRow>,
}

/// Why a table can't be read.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum LintError {
    /// A row of another length.
    #[error("row {row:?}: expected {expected} cells, got {got}")]
    CellCount {
        /// The row.
        row: String,
        /// As many as columns.
        expected: usize,
        /// As many as there are.
        got: usize,
    },
    /// A cell that holds no number.
    #[error(
        "row {row:?}, column {column:?}: expected a number as 86.78 or 86.78 ± 3.10, got {got:?}"
    )]
    Cell {
        /// The row.
        row: String,
        /// The column.
        column: String,
        /// What it holds.
        got: String,
    },
    /// Two columns of one metric about the same.
    #[error("columns {first:?} and {second:?} are the same metric of the same thing")]
    RepeatedColumn {
        /// The first.
        first: String,
        /// The second.
        second: String,
    },
    /// A table without any metric that is known.
    #[error("no column is a known metric: {headings:?}")]
    NoMetric {
        /// The headings.
        headings: Vec<String>,
    },
}

impl ResultsTable {
    /// Of columns and rows.
    ///
    /// # Errors
    /// [`LintError::CellCount`], [`LintError::RepeatedColumn`], [`LintError::NoMetric`].
    pub fn new(columns: Vec<Column>, rows: Vec<ResultsRow>) -> Result<Self, LintError> {
        if columns.is_empty() {
            let headings = Vec::new();
            return Err(LintError::NoMetric { headings });
        }
        for (index, second) in columns.iter().enumerate() {
            let same =
                |first: &&Column| (first.metric, &first.about) == (second.metric, &second.about);
            if let Some(first) = columns[..index].iter().find(same) {
                return Err(LintError::RepeatedColumn {
                    first: first.heading.clone(),
                    second: second.heading.clone(),
                });
            }
        }
        for row in &rows {
            if row.cells.len() != columns.len() {
                return Err(LintError::CellCount {
                    row: row.name.clone(),
                    expected: columns.len(),
                    got: row.cells.len(),
                });
            }
        }
        Ok(Self { columns, rows })
    }

    /// The columns.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The rows.
    pub fn rows(&self) -> &[ResultsRow] {
        &self.rows
    }
}
