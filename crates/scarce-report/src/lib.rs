//! A run folder as one self-contained HTML page.
//!
//! A [`Report`] is made of [`Section`]s with text, [`Picture`]s, [`LineChart`]s and [`Table`]s;
//! [`Report::to_html`] needs no other file to be read with: pictures are data URIs, charts inline
//! SVG. Equal content gives equal bytes.

mod chart;
mod page;
mod picture;
mod radiological;
mod table;

pub use chart::{LineChart, Series};
pub use page::{Report, ReportError, Section};
pub use picture::Picture;
pub use radiological::radiological;
pub use table::{Table, figures_table, metrics_table};
