//! Tables as they are printed.

use super::table::{Column, LintError, Metric, ResultsRow, ResultsTable, Scale};

impl ResultsTable {
    /// Of a printed table: the first column names the rows, `n` or `cases` counts their cases, and the
    /// others are known by their headings, in any case: `Dice`, `DSC`, `Jaccard`, `IoU`, `Precision`,
    /// `Recall`, `Sensitivity`, `Accuracy`, `NSD`, `HD`, `HD95`, `95HD`, `ASD`, `ASSD`; columns of
    /// other headings are passed over. `%`, `mm` or `voxel` in a heading is its unit; a column of
    /// shares without one is in percent if most of its values exceed 1. What else a heading holds is
    /// what it is about (`LV Dice (%)`). An empty cell, `-`, `–` and `n/a` hold nothing.
    ///
    /// # Errors
    /// [`LintError`].
    ///
    /// ```
    /// use scarce_metrics::linter::{ResultsTable, lint};
    ///
    /// let table = ResultsTable::from_cells(
    ///     &["method", "Dice (%)", "Jaccard (%)"],
    ///     &[["A", "88.23", "79.12"], ["B", "86.78", "75.97"]],
    /// )?;
    /// let findings = lint(&table);
    /// assert_eq!(findings.len(), 1);
    /// assert!(findings[0].to_string().starts_with("B: mean Jaccard (%) 75.97 is below 76.65"));
    /// # Ok::<(), scarce_metrics::linter::LintError>(())
    /// ```
    pub fn from_cells<S: AsRef<str>, R: AsRef<[S]>>(
        headings: &[&str],
        rows: &[R],
    ) -> Result<Self, LintError> {
        let mut columns = Vec::new();
        let mut count_at = None;
        for (index, heading) in headings.iter().enumerate().skip(1) {
            if ["n", "cases"].contains(&heading.trim().to_lowercase().as_str()) {
                count_at = Some(index);
            } else if let Some(column) = column(heading) {
                columns.push((index, column));
            }
        }
        if columns.is_empty() {
            let headings = headings.iter().map(|&h| h.to_owned()).collect();
            return Err(LintError::NoMetric { headings });
        }
        let mut read = Vec::new();
        for row in rows {
            let cells: Vec<&str> = row.as_ref().iter().map(AsRef::as_ref).collect();
            let name = cells.first().copied().unwrap_or_default().to_owned();
            if cells.len() != headings.len() {
                return Err(LintError::CellCount {
                    row: name,
                    expected: headings.len(),
                    got: cells.len(),
                });
            }
            let fault = |index: usize| LintError::Cell {
                row: name.clone(),
                column: headings[index].to_owned(),
                got: cells[index].to_owned(),
            };
            let filled = |index: usize| !["", "-", "–", "n/a"].contains(&cells[index].trim());
            let cell = |index: usize| {
                let parsed = || cells[index].parse().map_err(|()| fault(index));
                filled(index).then(parsed).transpose()
            };
            let n_cases = count_at
                .filter(|index| filled(*index))
                .map(|index| cells[index].trim().parse().map_err(|_| fault(index)))
                .transpose()?;
            read.push(ResultsRow {
                n_cases,
                cells: columns
                    .iter()
                    .map(|(index, _)| cell(*index))
                    .collect::<Result<_, _>>()?,
                name,
            });
        }
        let columns = columns.into_iter().enumerate().map(|(at, (_, column))| {
            let scale = column
                .scale
                .unwrap_or_else(|| usual_scale(at, column.metric, &read));
            Column {
                heading: column.text,
                metric: column.metric,
                scale,
                about: column.about,
            }
        });
        Self::new(columns.collect(), read)
    }
}

/// A heading that was understood.
struct Heading {
    text: String,
    metric: Metric,
    scale: Option<Scale>,
    about: String,
}

fn column(heading: &str) -> Option<Heading> {
    let lower = heading.to_lowercase().replace('%', " % ");
    let is_separator = |c: char| c.is_whitespace() || "()[],/_*↑↓".contains(c);
    let (mut metric, mut scale, mut about) = (None, None, Vec::new());
    for word in lower.split(is_separator).filter(|word| !word.is_empty()) {
        match (word, metric_of(word)) {
            (_, Some(found)) if metric.is_none() => metric = Some(found),
            ("%", _) => scale = Some(Scale::Percent),
            ("mm" | "voxel" | "voxels", _) => {
                scale = Some(Scale::Distance(word.trim_end_matches('s').to_owned()));
            }
            _ => about.push(word),
        }
    }
    let metric = metric?;
    // A unit that is none of the metric's is part of what the column is about.
    let fits = |scale: &Scale| metric.is_share() == (*scale == Scale::Percent);
    Some(Heading {
        text: heading.to_owned(),
        metric,
        scale: scale.filter(fits),
        about: about.join(" "),
    })
}

/// What a column without a unit is printed in.
fn usual_scale(column: usize, metric: Metric, rows: &[ResultsRow]) -> Scale {
    if !metric.is_share() {
        return Scale::Distance(String::new());
    }
    let values: Vec<f64> = rows
        .iter()
        .filter_map(|row| row.cells[column].map(|cell| cell.mean.value))
        .collect();
    let above = values.iter().filter(|value| **value > 1.0).count();
    if 2 * above > values.len() {
        Scale::Percent
    } else {
        Scale::Fraction
    }
}

/// By the words that headings use, in lower case.
fn metric_of(word: &str) -> Option<Metric> {
    Some(match word {
        "dice" | "dsc" => Metric::Dice,
        "jaccard" | "jac" | "iou" => Metric::Jaccard,
        "precision" | "ppv" => Metric::Precision,
        "recall" | "sensitivity" => Metric::Recall,
        "accuracy" | "acc" => Metric::Accuracy,
        "nsd" => Metric::SurfaceDice,
        "hd" | "hausdorff" => Metric::Hausdorff,
        "hd95" | "95hd" => Metric::Hd95,
        "asd" => Metric::Asd,
        "assd" => Metric::Assd,
        _ => return None,
    })
}
