//! From a canvas to a network's input.

use ndarray::{Array2, Array3, ArrayView2, ArrayView3};

/// Where the pixels of an input are taken from on the canvas; both span 0 to 1 along y and x.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Placement {
    /// y and x of the canvas for (y, x, 1) of the input.
    canvas_from_input: [[f64; 3]; 2],
}

/// Points along each side that a pixel is the mean of; the canvas is as much finer.
const POINTS: usize = 2;

impl Placement {
    /// The whole canvas.
    pub const WHOLE: Self = Self {
        canvas_from_input: [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]],
    };

    /// A rectangle of the canvas about `centre_yx` with sides `size_yx`, both as shares of it, turned by
    /// `radians` about its centre, and mirrored along x if `flipped`.
    pub fn new(centre_yx: [f64; 2], size_yx: [f64; 2], radians: f64, flipped: bool) -> Self {
        let (sin, cos) = radians.sin_cos();
        let mirror = if flipped { -1.0 } else { 1.0 };
        let [height, width] = size_yx;
        let rows = [
            [cos * height, sin * width * mirror],
            [-sin * height, cos * width * mirror],
        ];
        let canvas_from_input = [0, 1].map(|a| {
            let [by_y, by_x] = rows[a];
            [by_y, by_x, centre_yx[a] - 0.5 * (by_y + by_x)]
        });
        Self { canvas_from_input }
    }

    /// The share of the canvas that an input spans.
    pub fn area(&self) -> f64 {
        let [[yy, yx, _], [xy, xx, _]] = self.canvas_from_input;
        (yy * xx - yx * xy).abs()
    }

    /// What an input of `input_yx` pixels sees of a canvas `(channel, y, x)`: each pixel the mean of four points
    /// between the samples, 0 beyond the canvas.
    pub fn see(&self, canvas: ArrayView3<'_, f32>, input_yx: [usize; 2]) -> Array3<f32> {
        let (channels, height, width) = canvas.dim();
        let mut input = Array3::zeros((channels, input_yx[0], input_yx[1]));
        let share = 1.0 / (POINTS * POINTS) as f32;
        for y in 0..input_yx[0] {
            for x in 0..input_yx[1] {
                for point in 0..POINTS * POINTS {
                    let inner = |k: usize| (k as f64 + 0.5) / POINTS as f64;
                    let at = self.on_canvas(
                        [
                            (y as f64 + inner(point / POINTS)) / input_yx[0] as f64,
                            (x as f64 + inner(point % POINTS)) / input_yx[1] as f64,
                        ],
                        [height, width],
                    );
                    let Some([y_at, x_at]) = at else { continue };
                    let (y0, y1, fy) = between(y_at, height);
                    let (x0, x1, fx) = between(x_at, width);
                    for (c, plane) in canvas.outer_iter().enumerate() {
                        let row = |r: usize| plane[[r, x0]] * (1.0 - fx) + plane[[r, x1]] * fx;
                        input[[c, y, x]] += share * (row(y0) * (1.0 - fy) + row(y1) * fy);
                    }
                }
            }
        }
        input
    }

    /// The labels that the middles of the input's pixels see, 0 beyond the canvas.
    pub fn see_labels(&self, canvas: ArrayView2<'_, u8>, input_yx: [usize; 2]) -> Array2<u8> {
        let (height, width) = canvas.dim();
        Array2::from_shape_fn((input_yx[0], input_yx[1]), |(y, x)| {
            let middle = |k: usize, a: usize| (k as f64 + 0.5) / input_yx[a] as f64;
            let at = self.on_canvas([middle(y, 0), middle(x, 1)], [height, width]);
            at.map_or(0, |[y, x]| {
                // On the border of two samples the later one counts.
                let nearest = |at: f64, n: usize| ((at + 0.5) as usize).min(n - 1);
                canvas[[nearest(y, height), nearest(x, width)]]
            })
        })
    }

    /// In samples of the canvas, whose middles are whole numbers; none beyond it.
    fn on_canvas(&self, [y, x]: [f64; 2], canvas_yx: [usize; 2]) -> Option<[f64; 2]> {
        let share = self
            .canvas_from_input
            .map(|row| row[0] * y + row[1] * x + row[2]);
        share
            .iter()
            .all(|s| (0.0..=1.0).contains(s))
            .then(|| [0, 1].map(|a| share[a] * canvas_yx[a] as f64 - 0.5))
    }
}

fn between(at: f64, n: usize) -> (usize, usize, f32) {
    let at = at.clamp(0.0, (n - 1) as f64);
    let low = at as usize;
    (low, (low + 1).min(n - 1), (at - low as f64) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_is_the_mean_of_four_samples_each() {
        let canvas = Array3::from_shape_fn((2, 8, 12), |(c, y, x)| (100 * c + 12 * y + x) as f32);
        let seen = Placement::WHOLE.see(canvas.view(), [4, 6]);
        for ((c, y, x), got) in seen.indexed_iter() {
            let expected = (100 * c + 24 * y + 2 * x) as f32 + 6.5;
            assert!((got - expected).abs() < 1e-4, "{got} {expected}");
        }
    }

    #[test]
    fn turned_and_mirrored_pixels_come_from_where_they_should() {
        let canvas = Array3::from_shape_fn((1, 16, 16), |(_, y, x)| (16 * y + x) as f32);
        let labels = Array2::from_shape_fn((16, 16), |(y, x)| (16 * y + x) as u8);
        let quarter = std::f64::consts::FRAC_PI_2;
        // Value at input pixel (1, 2) of 8 × 8: the mean of canvas rows and columns named.
        for (centre, size, radians, flipped, row, column) in [
            ([0.5, 0.5], [1.0, 1.0], 0.0, false, 2.5, 4.5),
            ([0.5, 0.5], [1.0, 1.0], 0.0, true, 2.5, 10.5),
            // y of the input runs against x of the canvas.
            ([0.5, 0.5], [1.0, 1.0], quarter, false, 4.5, 12.5),
            // The upper left quarter, as fine again.
            ([0.25, 0.25], [0.5, 0.5], 0.0, false, 1.0, 2.0),
        ] {
            let placement = Placement::new(centre, size, radians, flipped);
            let seen = placement.see(canvas.view(), [8, 8]);
            let expected = 16.0 * row + column;
            let got = f64::from(seen[[0, 1, 2]]);
            assert!((got - expected).abs() < 1e-3, "{got} {expected}");
            let label = f64::from(placement.see_labels(labels.view(), [8, 8])[[1, 2]]);
            let near = |v: f64| [v.floor(), v.ceil()];
            let may = near(row).map(|r| near(column).map(|c| 16.0 * r + c));
            assert!(may.concat().contains(&label), "{label} not in {may:?}");
        }
        let tilted = Placement::new([0.5, 0.5], [0.5, 0.8], 0.3, true);
        assert!((tilted.area() - 0.4).abs() < 1e-12);
        let beyond = Placement::new([1.5, 0.5], [1.0, 1.0], 0.0, false);
        assert_eq!(beyond.see(canvas.view(), [4, 4]).sum(), 0.0);
    }
}
