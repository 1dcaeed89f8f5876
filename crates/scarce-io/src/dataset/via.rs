//! Outlines as the VGG image annotator (VIA) writes them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use ndarray::Array2;
use serde::Deserialize;
use serde_json::Value;

use crate::IoError;
use crate::error::system;

/// An outline in pixels of its image: pixel `(y, x)` covers `x..x + 1` and `y..y + 1`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "name", rename_all = "lowercase")]
pub enum Outline {
    /// Corners in order.
    Polygon {
        /// Along x.
        all_points_x: Vec<f64>,
        /// Along y.
        all_points_y: Vec<f64>,
    },
    /// An ellipse.
    Ellipse {
        /// Its centre along x.
        cx: f64,
        /// Along y.
        cy: f64,
        /// Half its axis along x before it is turned.
        rx: f64,
        /// The other.
        ry: f64,
        /// How far it is turned, in radians.
        #[serde(default)]
        theta: f64,
    },
    /// A circle.
    Circle {
        /// Its centre along x.
        cx: f64,
        /// Along y.
        cy: f64,
        /// Its radius.
        r: f64,
    },
    /// A rectangle.
    Rect {
        /// Its left edge.
        x: f64,
        /// Its upper edge.
        y: f64,
        /// Along x.
        width: f64,
        /// Along y.
        height: f64,
    },
}

/// What is outlined on one image.
#[derive(Debug, Clone, PartialEq)]
pub struct OutlinedFile {
    /// The image's file, as it is named beside the annotations.
    pub file_name: String,
    /// Each outline with its attributes.
    pub outlines: Vec<(Outline, BTreeMap<String, String>)>,
}

#[derive(Deserialize)]
struct Entry {
    filename: String,
    #[serde(default)]
    regions: Value,
}

#[derive(Deserialize)]
struct Region {
    shape_attributes: Outline,
    #[serde(default)]
    region_attributes: BTreeMap<String, Value>,
}

/// Reads VIA's annotations, as exported or as a project, in order of the files' names.
///
/// # Errors
/// [`IoError::Dataset`] for what is no such file, a shape that encloses nothing (points and lines), corners that don't pair,
/// and a file that stands there twice; [`IoError::System`].
pub fn read_via(path: &Path) -> Result<Vec<OutlinedFile>, IoError> {
    let fault = |message: String| IoError::Dataset {
        message,
        path: path.to_owned(),
    };
    let text = fs::read_to_string(path).map_err(system("cannot read", path))?;
    let no_via = |error: serde_json::Error| fault(format!("no annotations of VIA: {error}"));
    let mut whole: BTreeMap<String, Value> = serde_json::from_str(&text).map_err(no_via)?;
    if let Some(project) = whole.remove("_via_img_metadata") {
        whole = serde_json::from_value(project).map_err(no_via)?;
    }
    let mut files = BTreeMap::new();
    for entry in whole.into_values() {
        let entry: Entry = serde_json::from_value(entry).map_err(no_via)?;
        let at = |error: String| fault(format!("{}: {error}", entry.filename));
        // Version 1 numbers the regions, version 2 lists them.
        let regions: Vec<Value> = match entry.regions {
            Value::Array(regions) => regions,
            Value::Object(regions) => regions.into_iter().map(|(_, region)| region).collect(),
            Value::Null => Vec::new(),
            other => return Err(at(format!("regions are {other}"))),
        };
        let mut outlines = Vec::new();
        for region in regions {
            let region: Region =
                serde_json::from_value(region).map_err(|error| at(error.to_string()))?;
            region.shape_attributes.check().map_err(at)?;
            let attributes = region.region_attributes.into_iter().map(|(name, value)| {
                let text = value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned);
                (name, text)
            });
            outlines.push((region.shape_attributes, attributes.collect()));
        }
        let file = OutlinedFile {
            file_name: entry.filename.clone(),
            outlines,
        };
        if files.insert(entry.filename.clone(), file).is_some() {
            return Err(fault(format!("{} stands there twice", entry.filename)));
        }
    }
    Ok(files.into_values().collect())
}

impl Outline {
    fn check(&self) -> Result<(), String> {
        let values: Vec<f64> = match self {
            Self::Polygon {
                all_points_x: xs,
                all_points_y: ys,
            } => {
                if xs.len() != ys.len() || xs.len() < 3 {
                    let (x, y) = (xs.len(), ys.len());
                    return Err(format!(
                        "a polygon of {x} x and {y} y, expected 3 corners or more"
                    ));
                }
                xs.iter().chain(ys).copied().collect()
            }
            Self::Ellipse {
                cx,
                cy,
                rx,
                ry,
                theta,
            } => vec![*cx, *cy, *rx, *ry, *theta],
            Self::Circle { cx, cy, r } => vec![*cx, *cy, *r],
            Self::Rect {
                x,
                y,
                width,
                height,
            } => vec![*x, *y, *width, *height],
        };
        match values.iter().find(|value| !value.is_finite()) {
            Some(value) => Err(format!("an outline holds {value}")),
            None => Ok(()),
        }
    }

    /// The pixels `(y, x)` whose middle is inside, of an image of `size_yx`; for a polygon by the parity of the edges to the
    /// right.
    pub fn fill(&self, size_yx: [usize; 2]) -> Array2<bool> {
        Array2::from_shape_fn((size_yx[0], size_yx[1]), |(y, x)| {
            self.holds(y as f64 + 0.5, x as f64 + 0.5)
        })
    }

    fn holds(&self, y: f64, x: f64) -> bool {
        match self {
            Self::Polygon {
                all_points_x: xs,
                all_points_y: ys,
            } => {
                let edges = (0..xs.len()).map(|k| (k, (k + 1) % xs.len()));
                let crossed = edges.filter(|(a, b)| {
                    (ys[*a] > y) != (ys[*b] > y)
                        && x < xs[*a] + (y - ys[*a]) / (ys[*b] - ys[*a]) * (xs[*b] - xs[*a])
                });
                crossed.count() % 2 == 1
            }
            Self::Ellipse {
                cx,
                cy,
                rx,
                ry,
                theta,
            } => {
                let (sin, cos) = theta.sin_cos();
                let (dx, dy) = (x - cx, y - cy);
                let along = (dx * cos + dy * sin) / rx;
                let across = (dy * cos - dx * sin) / ry;
                along.hypot(across) <= 1.0
            }
            Self::Circle { cx, cy, r } => (x - cx).hypot(y - cy) <= *r,
            Self::Rect {
                x: left,
                y: top,
                width,
                height,
            } => (*left..left + width).contains(&x) && (*top..top + height).contains(&y),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<OutlinedFile>, IoError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("via.json");
        fs::write(&path, text).unwrap();
        read_via(&path)
    }

    fn region(shape: &str) -> String {
        format!(r#"{{"shape_attributes": {{{shape}}}, "region_attributes": {{"kind": "tumour"}}}}"#)
    }

    #[test]
    fn shapes_are_filled_where_pixels_middles_lie_inside() {
        // A triangle, half of 8 × 10; an ellipse of area 4 π, turned; a circle; a rectangle.
        for (shape, size, expected) in [
            (
                r#""name": "polygon", "all_points_x": [0, 10, 0], "all_points_y": [0, 8, 8]"#,
                [8, 12],
                40,
            ),
            (
                r#""name": "ellipse", "cx": 50, "cy": 40, "rx": 30, "ry": 12, "theta": 0.5"#,
                [90, 100],
                1131,
            ),
            (
                r#""name": "circle", "cx": 5, "cy": 5, "r": 1.2"#,
                [10, 10],
                4,
            ),
            (
                r#""name": "rect", "x": 1, "y": 2, "width": 3, "height": 2"#,
                [9, 9],
                6,
            ),
        ] {
            let text = format!(
                r#"{{"a.jpg19": {{"filename": "a.jpg", "size": 19, "regions": [{}]}}}}"#,
                region(shape)
            );
            let files = read(&text).unwrap();
            let (outline, attributes) = &files[0].outlines[0];
            assert_eq!(attributes["kind"], "tumour");
            let inside = outline.fill(size).iter().filter(|v| **v).count();
            let off = inside.abs_diff(expected);
            assert!(off * 100 <= expected, "{shape}: {inside}, not {expected}");
        }
    }

    #[test]
    fn both_layouts_are_read_and_what_is_none_is_named() {
        let circle = region(r#""name": "circle", "cx": 5, "cy": 5, "r": 1"#);
        let numbered = format!(
            r#"{{"_via_img_metadata": {{"b": {{"filename": "b.png", "regions": {{"0": {circle}}}}},
            "a": {{"filename": "a.png"}}}}, "_via_settings": {{}}}}"#
        );
        let files = read(&numbered).unwrap();
        let counts: Vec<_> = files
            .iter()
            .map(|f| (f.file_name.as_str(), f.outlines.len()))
            .collect();
        assert_eq!(counts, [("a.png", 0), ("b.png", 1)]);

        let entry = |name: &str, shape: &str| {
            format!(
                r#"{{"filename": "{name}", "regions": [{}]}}"#,
                region(shape)
            )
        };
        let good = entry("a", r#""name": "circle", "cx": 5, "cy": 5, "r": 1"#);
        for (text, part) in [
            ("[1]".to_owned(), "no annotations of VIA"),
            (
                format!(r#"{{"x": {good}, "y": {good}}}"#),
                "a stands there twice",
            ),
            (
                format!(
                    r#"{{"x": {}}}"#,
                    entry("p", r#""name": "point", "cx": 1, "cy": 1"#)
                ),
                "point",
            ),
            (
                format!(
                    r#"{{"x": {}}}"#,
                    entry(
                        "q",
                        r#""name": "polygon", "all_points_x": [1, 2], "all_points_y": [1]"#
                    )
                ),
                "q: a polygon of 2 x and 1 y",
            ),
        ] {
            let error = read(&text).unwrap_err().to_string();
            assert!(error.contains(part), "{error} lacks {part}");
        }
    }
}
