//! Writes a page with pictures, a chart and a table, self-contained, to standard output.
//!
//! ```text
//! cargo run -p scarce-report --example write_page > page.html
//! ```
#![allow(clippy::print_stdout, reason = "an example shows its result")]

use ndarray::Array2;
use scarce_report::{LineChart, Picture, Report, ReportError, Section, Series, Table};

fn main() -> Result<(), ReportError> {
    let distance = |y: usize, x: usize| (y as f32 - 28.0).hypot(x as f32 - 36.0);
    let slice = Array2::from_shape_fn((64, 64), |(y, x)| {
        0.2 + 0.4 * (-distance(y, x) / 20.0).exp()
    });
    let heat = slice.mapv(|v| (v - 0.2) / 0.4);
    let found = Array2::from_shape_fn((64, 64), |(y, x)| distance(y, x) < 12.0);
    let hidden = Array2::from_shape_fn((8, 8), |(row, column)| (row * 5 + column * 3) % 7 < 3);

    let plain = Picture::grey(slice.view()).upscaled(4);
    let pictures = [
        plain.clone().with_heat(heat.view(), 0.6),
        plain
            .clone()
            .with_mask_tint(found.view(), Picture::REGION, 0.3)
            .with_mask_outline(found.view(), Picture::REGION),
        plain.with_hidden_cells(hidden.view()),
    ];
    let mut seen = Section::new("What was seen");
    seen.text("A bright spot in a made-up slice.");
    seen.picture(&Picture::row(&pictures), "Heat, region, hidden patches.")?;

    let falling = |rate: f64| (0..100).map(move |k| (f64::from(k), (-f64::from(k) / rate).exp()));
    let series = [("region-weighted", 20.0), ("random", 35.0)].map(|(name, rate)| Series {
        name: name.to_owned(),
        points: falling(rate).collect(),
    });
    let chart = LineChart {
        x_label: "step".to_owned(),
        y_label: "loss".to_owned(),
        series: series.to_vec(),
    };
    let mut trained = Section::new("How it trained");
    trained.chart(&chart, "Reconstruction loss")?;
    trained.table(Table {
        columns: ["masking", "final loss"].map(str::to_owned).to_vec(),
        rows: chart
            .series
            .iter()
            .filter_map(|s| Some(vec![s.name.clone(), format!("{:.3}", s.points.last()?.1)]))
            .collect(),
    });

    let mut report = Report::new("A page", "Everything on it is inside the file.");
    report.push(seen);
    report.push(trained);
    println!("{}", report.to_html()?);
    Ok(())
}
