//! Input that a page must survive: markup in names, overlays without cells, charts without extent.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use ndarray::Array2;
use scarce_report::{LineChart, Picture, Report, ReportError, Section, Series, Table};

fn chart(label: &str, points: Vec<(f64, f64)>) -> LineChart {
    LineChart {
        x_label: label.to_owned(),
        y_label: label.to_owned(),
        series: vec![Series {
            name: label.to_owned(),
            points,
        }],
    }
}

/// Charts go into the page unescaped, so they must escape what they are given.
#[test]
fn no_text_of_a_chart_becomes_markup() {
    let hostile = "</text></svg><script>alert(1)</script>";
    let mut section = Section::new(hostile);
    let chart = chart(hostile, vec![(0.0, 1.0), (1.0, 2.0)]);
    section.chart(&chart, hostile).unwrap();
    section.png(b"", "\"><script>");
    let mut report = Report::new(hostile, hostile);
    report.push(section);
    let html = report.to_html().unwrap();
    assert!(!html.contains("<script"), "{html}");
    assert_eq!(html.matches("</svg>").count(), 1);
}

#[test]
fn points_that_are_not_drawn_are_counted_in_the_caption() {
    for (points, part) in [
        (
            vec![(0.0, 1.0), (1.0, 2.0)],
            "<figcaption>loss</figcaption>",
        ),
        (
            vec![(0.0, 1.0), (1.0, f64::NAN)],
            "loss (1 point is not finite and not drawn)</figcaption>",
        ),
        (
            vec![(0.0, 1.0), (f64::NAN, 1.0), (1.0, f64::INFINITY)],
            "loss (2 points are not finite and not drawn)</figcaption>",
        ),
    ] {
        let mut section = Section::new("Loss");
        section.chart(&chart("x", points), "loss").unwrap();
        let mut report = Report::new("t", "");
        report.push(section);
        let html = report.to_html().unwrap();
        assert!(html.contains(part), "no {part}");
    }
}

#[test]
fn a_table_that_is_not_rectangular_is_refused() {
    let mut section = Section::new("Figures");
    section.table(Table {
        columns: vec!["a".to_owned(), "b".to_owned()],
        rows: vec![vec![String::new(); 2], vec![String::new(); 3]],
    });
    let mut report = Report::new("t", "");
    report.push(section);
    let error = report.to_html().unwrap_err();
    assert!(matches!(
        error,
        ReportError::Table {
            row: 1,
            expected: 2,
            got: 3,
            ..
        }
    ));
}

#[test]
fn charts_without_extent_are_drawn_or_refused() {
    for points in [
        vec![(1e12, 5.0)],
        vec![(-1e12, 5.0), (-1e12, 6.0)],
        vec![(0.0, -1e12)],
        vec![(0.0, 1e15), (1.0, 1e15)],
        vec![(0.0, 0.0), (1.0, 0.0)],
        vec![(0.0, 1e-300), (1e-300, 0.0)],
    ] {
        let svg = chart("x", points.clone()).to_svg().unwrap();
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{points:?}");
    }
    for points in [vec![], vec![(f64::INFINITY, 0.0)]] {
        assert!(chart("x", points).to_svg().is_err());
    }
    // Finite, but their range is not.
    let wide = chart("x", vec![(0.0, f64::MIN), (1.0, f64::MAX)]);
    assert!(wide.to_svg().is_err());
}

#[test]
fn overlays_without_cells_change_nothing() {
    let grey = Picture::grey(Array2::from_elem((4, 4), 0.5).view());
    let none = Array2::from_elem((0, 0), true);
    let cold = Array2::from_elem((2, 2), f32::NAN);
    for picture in [
        grey.clone().with_hidden_cells(none.view()),
        grey.clone().with_mask_outline(none.view(), Picture::REGION),
        grey.clone()
            .with_mask_tint(none.view(), Picture::REGION, 1.0),
        grey.clone().with_heat(Array2::zeros((0, 3)).view(), 1.0),
        grey.clone().with_heat(cold.view(), 1.0),
    ] {
        assert_eq!(picture, grey);
    }
    assert!(Picture::row(&[]).to_png().is_err());
}
