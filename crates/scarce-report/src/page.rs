//! The page and its sections.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minijinja::value::Serde;
use minijinja::{Environment, Value, context};
use serde::Serialize;
use thiserror::Error;

use crate::{LineChart, Picture, Table};

/// Why a page was not made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReportError {
    /// A picture cannot be encoded.
    #[error("picture: {message}")]
    Picture {
        /// Why.
        message: String,
    },
    /// A chart cannot be drawn.
    #[error("chart: {message}")]
    Chart {
        /// Why.
        message: String,
    },
    /// A table's row is not as wide as its headings.
    #[error("table under {heading:?}, row {row}: expected {expected} cells, got {got}")]
    Table {
        /// The section's heading.
        heading: String,
        /// The row, from 0.
        row: usize,
        /// Headings.
        expected: usize,
        /// Cells.
        got: usize,
    },
    /// The page's template failed.
    #[error("page: {0}")]
    Page(#[from] minijinja::Error),
}

/// A page in the making.
#[derive(Debug, Clone, Default)]
pub struct Report {
    title: String,
    lead: String,
    sections: Vec<Section>,
}

/// A heading with what stands under it.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Section {
    heading: String,
    blocks: Vec<Block>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum Block {
    Text { text: String },
    Picture { png_base64: String, caption: String },
    Chart { svg: String, caption: String },
    Table { table: Table },
}

impl Report {
    /// A page with a title and an opening line.
    pub fn new(title: impl Into<String>, lead: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            lead: lead.into(),
            sections: Vec::new(),
        }
    }

    /// Adds a section.
    pub fn push(&mut self, section: Section) {
        self.sections.push(section);
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.sections.is_empty()
    }

    /// The page.
    ///
    /// # Errors
    /// [`ReportError::Table`] for a table that is not rectangular, [`ReportError::Page`] from the
    /// template engine.
    pub fn to_html(&self) -> Result<String, ReportError> {
        for section in &self.sections {
            section.check_tables()?;
        }
        let mut environment = Environment::new();
        environment.add_template("page.html", include_str!("page.html"))?;
        let page = environment.get_template("page.html")?;
        Ok(page.render(context! {
            title => self.title.as_str(),
            lead => self.lead.as_str(),
            sections => Value::from(Serde(&self.sections)),
        })?)
    }
}

impl Section {
    /// An empty section.
    pub fn new(heading: impl Into<String>) -> Self {
        Self {
            heading: heading.into(),
            blocks: Vec::new(),
        }
    }

    /// Adds a paragraph.
    pub fn text(&mut self, text: impl Into<String>) {
        self.blocks.push(Block::Text { text: text.into() });
    }

    /// Adds a picture; the caption is its alternative text too.
    ///
    /// # Errors
    /// [`ReportError::Picture`].
    pub fn picture(
        &mut self,
        picture: &Picture,
        caption: impl Into<String>,
    ) -> Result<(), ReportError> {
        let png = picture.to_png()?;
        self.png(&png, caption);
        Ok(())
    }

    /// Adds a PNG file's bytes as a picture.
    pub fn png(&mut self, png: &[u8], caption: impl Into<String>) {
        self.blocks.push(Block::Picture {
            png_base64: STANDARD.encode(png),
            caption: caption.into(),
        });
    }

    /// Adds a chart. The caption is its alternative text too, and says how many points could not be
    /// drawn, or a loss that turned NaN would look like one that stopped.
    ///
    /// # Errors
    /// [`ReportError::Chart`].
    pub fn chart(
        &mut self,
        chart: &LineChart,
        caption: impl Into<String>,
    ) -> Result<(), ReportError> {
        let caption = caption.into();
        let caption = match chart.n_undrawn() {
            0 => caption,
            1 => format!("{caption} (1 point is not finite and not drawn)"),
            n => format!("{caption} ({n} points are not finite and not drawn)"),
        };
        self.blocks.push(Block::Chart {
            svg: chart.to_svg()?,
            caption,
        });
        Ok(())
    }

    /// Adds a table.
    pub fn table(&mut self, table: Table) {
        self.blocks.push(Block::Table { table });
    }

    fn check_tables(&self) -> Result<(), ReportError> {
        let tables = self.blocks.iter().filter_map(|block| match block {
            Block::Table { table } => Some(table),
            _ => None,
        });
        for table in tables {
            let expected = table.columns.len();
            if let Some(row) = table.rows.iter().position(|row| row.len() != expected) {
                return Err(ReportError::Table {
                    heading: self.heading.clone(),
                    row,
                    expected,
                    got: table.rows[row].len(),
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;
    use crate::Series;

    fn page() -> String {
        let mut report = Report::new("<script>alert(1)</script>", "a & b");
        let mut section = Section::new("Loss");
        section.text("5 < 6");
        section
            .picture(&Picture::grey(Array2::zeros((2, 2)).view()), "a \"slice\"")
            .unwrap();
        let series = vec![Series {
            name: "x".to_owned(),
            points: vec![(0.0, 1.0), (1.0, 0.0)],
        }];
        let chart = LineChart {
            x_label: "step".to_owned(),
            y_label: "loss".to_owned(),
            series,
        };
        section.chart(&chart, "falls").unwrap();
        section.table(Table {
            columns: vec!["<b>".to_owned()],
            rows: vec![vec!["1".to_owned()]],
        });
        report.push(section);
        report.to_html().unwrap()
    }

    #[test]
    fn stands_alone_and_escapes() {
        let html = page();
        assert_eq!(html, page());
        assert!(!html.contains("<script") && html.contains("&lt;script&gt;"));
        assert!(!html.contains("<b>") && html.contains("5 &lt; 6"));
        assert!(html.contains("data:image/png;base64,") && html.contains("<svg"));
        let links = html.replace("http://www.w3.org/", "");
        assert!(!links.contains("http://") && !links.contains("https://"));
    }
}
