//! A slice drawn with its heat and outlines, and a page of charts.

use std::error::Error;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use ndarray::Array2;
use scarce_report::{LineChart, Picture, Report, ReportError, Section, Series};

fn page(points: &[(f64, f64)]) -> Result<String, ReportError> {
    let mut report = Report::new("bench", "ten charts");
    for k in 0..10 {
        let mut section = Section::new(format!("chart {k}"));
        let series = vec![Series {
            name: "loss".to_owned(),
            points: points.to_vec(),
        }];
        let chart = LineChart {
            x_label: "step".to_owned(),
            y_label: "loss".to_owned(),
            series,
        };
        section.chart(&chart, "falls")?;
        report.push(section);
    }
    report.to_html()
}

fn bench(c: &mut Criterion) -> Result<(), Box<dyn Error>> {
    let slice = Array2::from_shape_fn((512, 512), |(y, x)| ((y * 3 + x) % 97) as f32 / 97.0);
    let mask = slice.map(|v| *v > 0.7);
    let points: Vec<(f64, f64)> = (0..1000)
        .map(|k| (f64::from(k), (-0.01 * f64::from(k)).exp()))
        .collect();
    page(&points)?;
    let mut group = c.benchmark_group("report");
    group.bench_function("overlay_png/512", |b| {
        b.iter(|| {
            Picture::grey(black_box(slice.view()))
                .with_heat(slice.view(), 0.7)
                .with_mask_outline(mask.view(), Picture::REGION)
                .to_png()
        });
    });
    group.bench_function("page_of_ten_charts/1000", |b| {
        b.iter(|| page(black_box(&points)));
    });
    group.finish();
    Ok(())
}

#[expect(clippy::expect_used, reason = "a bench has nobody to hand an error to")]
fn report(c: &mut Criterion) {
    bench(c).expect("the page is well formed");
}

criterion_group! { name = benches; config = scarce_benches::criterion(); targets = report }
criterion_main!(benches);
