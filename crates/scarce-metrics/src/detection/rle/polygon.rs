//! Where a polygon's boundary crosses the middle of a pixel column.
//!
//! pycocotools draws the boundary on a grid five times as fine, steps along each edge, and keeps the steps from one fine
//! column to the next that lie in the middle of a pixel column, between its fine columns 2 and 3. Here those steps are had
//! from each edge at once, so that the time goes with the columns crossed and not with the boundary's length.

use super::RleError;

/// Crossings of all polygons of one mask: 64 MiB of them.
pub(super) const MAX_CROSSINGS: usize = 1 << 24;
/// Coordinates that stay within 32 bits on the fine grid.
const MAX_COORDINATE: f64 = 4e8;
/// Fine columns and rows in a pixel.
const FINE: i64 = 5;

/// The pixels, counted down the columns, at which the boundary passes from inside to outside or back; sorted.
pub(super) fn crossings(
    size_yx: [u32; 2],
    polygon: usize,
    xy: &[f64],
    budget: &mut usize,
) -> Result<Vec<u32>, RleError> {
    if xy.len() < 6 || !xy.len().is_multiple_of(2) {
        return Err(RleError::Points {
            polygon,
            got: xy.len(),
        });
    }
    if let Some((index, got)) = xy
        .iter()
        .enumerate()
        // Not `>`: NaN is no coordinate either.
        .find(|(_, v)| !matches!(v.abs().partial_cmp(&MAX_COORDINATE), Some(o) if o.is_le()))
    {
        return Err(RleError::Coordinate {
            polygon,
            index,
            got: *got,
        });
    }
    let corners: Vec<[i64; 2]> = xy
        .as_chunks()
        .0
        .iter()
        // Towards zero, below it too: what lies there is cut off anyway.
        .map(|point: &[f64; 2]| point.map(|v| (FINE as f64 * v + 0.5) as i64))
        .collect();
    let [height, width] = size_yx.map(i64::from);
    let mut found = Vec::new();
    let ends = corners.iter().skip(1).chain(corners.first());
    for (from, to) in corners.iter().zip(ends) {
        let edge = Edge::new(*from, *to);
        let columns = edge.columns(width);
        let spent = usize::try_from((columns.end - columns.start).max(0)).unwrap_or(usize::MAX);
        *budget = budget.checked_sub(spent).ok_or(RleError::Crossings {
            polygon,
            limit: MAX_CROSSINGS,
        })?;
        for column in columns {
            // The upper of the two steps, up to the next pixel whose middle lies below it.
            let fine_row = edge.row_at(FINE * column + 2);
            let row = (fine_row + 2).div_euclid(FINE).clamp(0, height);
            found.push((column * height + row) as u32);
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// An edge on the fine grid, turned so that the coordinate in which it is longer grows.
struct Edge {
    from: [i64; 2],
    to: [i64; 2],
    steep: bool,
    /// Growth of the other coordinate.
    slope: f64,
}

impl Edge {
    fn new(a: [i64; 2], b: [i64; 2]) -> Self {
        let [dx, dy] = [0, 1].map(|axis| (b[axis] - a[axis]).abs());
        let steep = dx < dy;
        let long = usize::from(steep);
        let (from, to) = if a[long] <= b[long] { (a, b) } else { (b, a) };
        let rise = (to[1 - long] - from[1 - long]) as f64;
        let slope = if dx.max(dy) == 0 {
            0.0
        } else {
            rise / dx.max(dy) as f64
        };
        Self {
            from,
            to,
            steep,
            slope,
        }
    }

    /// The pixel columns whose fine columns 2 and 3 both lie along the edge, cut to the image.
    fn columns(&self, width: i64) -> std::ops::Range<i64> {
        let (low, high) = (self.from[0].min(self.to[0]), self.from[0].max(self.to[0]));
        let first = (low - 2 + FINE - 1).div_euclid(FINE);
        let last = (high - 3).div_euclid(FINE);
        first.max(0)..(last + 1).min(width)
    }

    /// The fine row of the step from fine column `x` to the next, the smaller of the step's two.
    fn row_at(&self, x: i64) -> i64 {
        let [x_from, y_from] = self.from;
        // Rounded as the fine grid's points are.
        let other =
            |start: i64, along: i64| (start as f64 + self.slope * along as f64 + 0.5) as i64;
        if !self.steep {
            let along = x - x_from;
            return other(y_from, along).min(other(y_from, along + 1));
        }
        // The first step along y that has left the fine column where the edge comes from.
        let left = |along: i64| {
            let at = other(x_from, along);
            if self.slope > 0.0 { at > x } else { at <= x }
        };
        let guess = (x as f64 + 0.5 - x_from as f64) / self.slope;
        let mut along = (guess.ceil() as i64).clamp(1, self.to[1] - y_from);
        while along > 1 && left(along - 1) {
            along -= 1;
        }
        while along < self.to[1] - y_from && !left(along) {
            along += 1;
        }
        y_from + along - 1
    }
}
