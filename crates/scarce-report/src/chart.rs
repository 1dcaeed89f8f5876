//! Line charts as SVG.

use std::ops::Range;

use plotters::prelude::*;

use crate::ReportError;

/// A line chart.
#[derive(Debug, Clone, PartialEq)]
pub struct LineChart {
    /// What runs along x.
    pub x_label: String,
    /// What runs along y.
    pub y_label: String,
    /// The lines.
    pub series: Vec<Series>,
}

/// One line.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Its name in the legend.
    pub name: String,
    /// Its points, (x, y).
    pub points: Vec<(f64, f64)>,
}

/// Okabe & Ito's colours, told apart by colour-blind readers too.
const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(230, 159, 0),
];

impl LineChart {
    /// How many points are not finite: they are not drawn, and their line breaks there.
    pub fn n_undrawn(&self) -> usize {
        let points = self.series.iter().flat_map(|s| &s.points);
        points.filter(|p| !finite(p)).count()
    }

    /// The chart as an SVG element. A line breaks at points that are not finite; a point alone
    /// between two breaks is a dot.
    ///
    /// # Errors
    /// [`ReportError::Chart`] without any finite point, or when they lie further apart than an f64
    /// can say.
    pub fn to_svg(&self) -> Result<String, ReportError> {
        let points = || {
            self.series
                .iter()
                .flat_map(|s| &s.points)
                .filter(|p| finite(p))
        };
        let fold = |pick: fn(&(f64, f64)) -> f64| {
            points()
                .map(pick)
                .fold((f64::MAX, f64::MIN), |(low, high), v| {
                    (low.min(v), high.max(v))
                })
        };
        if points().next().is_none() {
            return Err(ReportError::Chart {
                message: "there is no finite point".to_owned(),
            });
        }
        let ((left, right), (bottom, top)) = (fold(|p| p.0), fold(|p| p.1));
        let x_axis = axis(left, right)?;
        let y_axis = axis(bottom.min(0.0), top + (top - bottom) * 0.05)?;
        let failed = |error: &dyn std::fmt::Display| ReportError::Chart {
            message: error.to_string(),
        };
        let mut svg = String::new();
        {
            let area = SVGBackend::with_string(&mut svg, (760, 320)).into_drawing_area();
            let mut chart = ChartBuilder::on(&area)
                .margin(8)
                .x_label_area_size(38)
                .y_label_area_size(54)
                .build_cartesian_2d(x_axis, y_axis)
                .map_err(|e| failed(&e))?;
            chart
                .configure_mesh()
                .light_line_style(BLACK.mix(0.05))
                .x_desc(&self.x_label)
                .y_desc(&self.y_label)
                .label_style(("sans-serif", 13))
                .draw()
                .map_err(|e| failed(&e))?;
            for (series, colour) in self.series.iter().zip(COLOURS.iter().cycle()) {
                let runs = || series.points.split(|p| !finite(p));
                let lines = runs()
                    .filter(|run| run.len() > 1)
                    .map(|run| PathElement::new(run.to_vec(), colour.stroke_width(2)));
                chart.draw_series(lines).map_err(|e| failed(&e))?;
                let dots = runs()
                    .filter(|run| run.len() == 1)
                    .map(|run| Circle::new(run[0], 2, colour.filled()));
                chart
                    .draw_series(dots)
                    .map_err(|e| failed(&e))?
                    .label(&series.name)
                    .legend(move |(x, y)| {
                        Rectangle::new([(x, y - 2), (x + 14, y + 2)], colour.filled())
                    });
            }
            chart
                .configure_series_labels()
                .position(SeriesLabelPosition::UpperRight)
                .background_style(WHITE.mix(0.85))
                .label_font(("sans-serif", 13))
                .draw()
                .map_err(|e| failed(&e))?;
            area.present().map_err(|e| failed(&e))?;
        }
        Ok(svg)
    }
}

/// An axis over `low` to `high`, widened until its ends differ by enough to tell ticks apart:
/// plotters does not come back from an axis finer than the precision of its ends.
fn axis(low: f64, high: f64) -> Result<Range<f64>, ReportError> {
    let least = (low.abs().max(high.abs()) * 1e-6).max(1e-9);
    let extent = (high - low).max(least);
    if extent.is_finite() && (low + extent).is_finite() {
        Ok(low..low + extent)
    } else {
        Err(ReportError::Chart {
            message: format!("its points span {low:e} to {high:e}, expected a finite extent"),
        })
    }
}

fn finite(point: &(f64, f64)) -> bool {
    point.0.is_finite() && point.1.is_finite()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(points: Vec<(f64, f64)>) -> LineChart {
        LineChart {
            x_label: "step".to_owned(),
            y_label: "loss".to_owned(),
            series: vec![Series {
                name: "a < b".to_owned(),
                points,
            }],
        }
    }

    #[test]
    fn a_line_breaks_where_it_is_not_finite() {
        let gap = f64::NAN;
        for (values, lines, dots, undrawn) in [
            (vec![3.0, 2.0, 1.0], 1, 0, 0),
            (vec![3.0, 2.0, gap, 1.0, 2.0], 2, 0, 1),
            (vec![3.0, gap, 2.0, 1.0, f64::INFINITY], 1, 1, 2),
        ] {
            let points = values.iter().enumerate().map(|(x, y)| (x as f64, *y));
            let chart = chart(points.collect());
            let svg = chart.to_svg().unwrap();
            let coloured = |element: &str| {
                let of_series = |tag: &&str| tag.starts_with(element) && tag.contains("#0072B2");
                svg.split('<').filter(of_series).count()
            };
            assert_eq!(
                (coloured("polyline"), coloured("circle"), chart.n_undrawn()),
                (lines, dots, undrawn),
                "{values:?}"
            );
        }
    }

    #[test]
    fn draws_what_is_finite_and_escapes_names() {
        let svg = chart(vec![(0.0, 1.0), (1.0, f64::NAN), (2.0, 0.5)])
            .to_svg()
            .unwrap();
        assert!(svg.starts_with("<svg") && svg.contains("a &lt; b"), "{svg}");
        assert!(!svg.contains("NaN"));
        assert!(chart(vec![(0.0, f64::NAN)]).to_svg().is_err());
        assert!(chart(vec![(3.0, 2.0)]).to_svg().is_ok());
    }
}
