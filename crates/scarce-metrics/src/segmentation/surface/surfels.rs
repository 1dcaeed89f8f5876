//! Surfaces of area: at each corner of voxels the piece of surface that passes there, with its area.
//!
//! A corner's eight voxels (2 × 2 × 2), inside or outside, decide how marching cubes cut the cube between
//! their centres, and with it the area of the surface element (surfel) at the corner (Nikolov et al. 2021,
//! arXiv 1809.04430, <https://github.com/google-deepmind/surface-distance>).

use super::super::bits::{BitGrid, before, points, word};

/// The surface elements of a mask.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Surfels {
    /// The corners where the surface passes. Corner `i` of an extended axis lies between voxels `i − 1`
    /// and `i`, so there is one more than voxels.
    pub(super) corners: BitGrid,
    /// The area at each, in the corners' order.
    pub(super) areas: Vec<f64>,
}

impl Surfels {
    /// The surface of a mask, beyond whose grid is outside. An axis that is not extended has one layer
    /// of voxels and no surface across it: areas are lengths of contours then, per unit of that axis.
    pub(super) fn of(mask: &BitGrid, extended: [bool; 3], spacing_zyx: [f64; 3]) -> Self {
        let unit = [0, 1, 2].map(|a| if extended[a] { spacing_zyx[a] } else { 1.0 });
        let area_of = areas(unit);
        let mut shape = mask.shape_zyx();
        for (n, extended) in shape.iter_mut().zip(extended) {
            *n += usize::from(extended);
        }
        let cube = |z, y| Cube::at([z, y], mask, extended);
        let corners = BitGrid::by_rows(shape, |[z, y], words| {
            let cube = cube(z, y);
            for (k, corners) in words.iter_mut().enumerate() {
                let voxels = cube.words(k);
                let any = voxels.iter().fold(0, |any, v| any | v);
                let all = voxels.iter().fold(u64::MAX, |all, v| all & v);
                *corners = any & !all;
            }
        });
        let mut areas = Vec::with_capacity(corners.count());
        for z in 0..shape[0] {
            for y in 0..shape[1] {
                let cube = cube(z, y);
                let (mut k, mut voxels) = (0, cube.words(0));
                for x in points(corners.row(z, y)) {
                    if x / 64 != k {
                        k = x / 64;
                        voxels = cube.words(k);
                    }
                    let code = (0..8).fold(0, |code, v| {
                        code | ((voxels[v] >> (x % 64) & 1) as usize) << v
                    });
                    areas.push(area_of[code]);
                }
            }
        }
        Self { corners, areas }
    }
}

/// The rows of voxels around a row of corners.
struct Cube<'a> {
    /// At (z − 1, y − 1), (z − 1, y), (z, y − 1), (z, y).
    rows: [&'a [u64]; 4],
    extended_x: bool,
}

impl<'a> Cube<'a> {
    fn at([z, y]: [usize; 2], mask: &'a BitGrid, extended: [bool; 3]) -> Self {
        let row = |dz: isize, dy: isize| {
            // The one layer of an axis that is not extended is on both sides of its corners.
            let z = z as isize + if extended[0] { dz } else { 0 };
            let y = y as isize + if extended[1] { dy } else { 0 };
            mask.row_or_none(z, y)
        };
        Self {
            rows: [row(-1, -1), row(-1, 0), row(0, -1), row(0, 0)],
            extended_x: extended[2],
        }
    }

    /// Word `k` of the eight voxels around each corner, voxel `(dz, dy, dx)` at `4 dz + 2 dy + dx`.
    fn words(&self, k: usize) -> [u64; 8] {
        let mut words = [0; 8];
        for (pair, row) in words.chunks_exact_mut(2).zip(self.rows) {
            pair[1] = word(row, k);
            pair[0] = if self.extended_x {
                before(row, k)
            } else {
                pair[1]
            };
        }
        words
    }
}

/// The area by code, bit `4 dz + 2 dy + dx` of which says whether that voxel is inside.
fn areas(spacing_zyx: [f64; 3]) -> [f64; 256] {
    std::array::from_fn(|code| area(code as u8, spacing_zyx))
}

/// Marching cubes with the surface half way between voxels. The fewer of inside and outside decide, by
/// pieces of them that edges of the cube join; each piece is cut off by itself.
fn area(code: u8, spacing_zyx: [f64; 3]) -> f64 {
    let fewer = if code.count_ones() > 4 { !code } else { code };
    pieces(fewer).map(|piece| cut(piece, spacing_zyx)).sum()
}

/// The area that cuts one to four joined corners off the cube.
fn cut(piece: u8, [z, y, x]: [f64; 3]) -> f64 {
    let faces = [y * x, z * x, z * y];
    // The area of a flat piece from its projections along the axes, in eighths of the cube's faces.
    let flat = |eighths: [f64; 3]| {
        let squares = [0, 1, 2].map(|a| (eighths[a] * faces[a] / 8.0).powi(2));
        squares.iter().sum::<f64>().sqrt()
    };
    let across = |axis, eighths| flat([0, 1, 2].map(|a| if a == axis { eighths } else { 0.0 }));
    let along = |axis, eighths| flat([0, 1, 2].map(|a| if a == axis { 0.0 } else { eighths }));
    let triangle = flat([1.0; 3]);
    let edges = edges_within(piece);
    let with_edges = (0..3).filter(|axis| edges[*axis] > 0);
    let without = (0..3).filter(|axis| edges[*axis] == 0);
    match (piece.count_ones(), edges.contains(&0), middle_edge(piece)) {
        (1, ..) => triangle,
        // A rectangle along the edge.
        (2, ..) => with_edges.map(|axis| along(axis, 4.0)).sum(),
        // A pentagon: half the face and three triangles.
        (3, ..) => without.map(|axis| across(axis, 4.0)).sum::<f64>() + 3.0 * triangle,
        // A face: half of the cube.
        (_, true, _) => without.map(|axis| across(axis, 8.0)).sum(),
        // A corner with three neighbours: a hexagon.
        (_, false, None) => 6.0 * triangle,
        // Four in a row: a hexagon that is bent along the edges at the row's ends.
        (_, false, Some(middle)) => {
            let ends = with_edges.filter(|axis| *axis != middle);
            4.0 * triangle + ends.map(|axis| along(axis, 2.0)).sum::<f64>()
        }
    }
}

/// The voxels of a code in groups that edges of the cube join.
fn pieces(code: u8) -> impl Iterator<Item = u8> {
    let mut left = code;
    std::iter::from_fn(move || {
        let mut piece = (left != 0).then(|| left & left.wrapping_neg())?;
        loop {
            let grown = (0..3).fold(piece, |grown, axis| grown | across(piece, axis) & left);
            if grown == piece {
                break;
            }
            piece = grown;
        }
        left &= !piece;
        Some(piece)
    })
}

/// The voxels on the other side along an axis, 0 = z.
fn across(code: u8, axis: usize) -> u8 {
    let step = 4 >> axis;
    (0..8)
        .filter(|v| code >> v & 1 == 1)
        .fold(0, |moved, v| moved | 1 << (v ^ step))
}

/// How many edges of the cube along z, y and x join two voxels of the code.
fn edges_within(code: u8) -> [u32; 3] {
    [0, 1, 2].map(|axis| (code & across(code, axis)).count_ones() / 2)
}

/// Of four voxels in a row the axis of the edge in the middle; `None` for a corner with three neighbours.
fn middle_edge(code: u8) -> Option<usize> {
    let degree = |v: u8| {
        (0..3)
            .filter(|axis| code & across(1 << v, *axis) != 0)
            .count()
    };
    let inner = (0..8)
        .filter(|v| code >> v & 1 == 1 && degree(*v) == 2)
        .fold(0, |inner, v| inner | 1 << v);
    (0..3).find(|axis| inner & across(inner, *axis) != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ```python
    /// # surface-distance 0.1; its codes count the voxels from the other end.
    /// from surface_distance.lookup_tables import create_table_neighbour_code_to_surface_area
    /// area = create_table_neighbour_code_to_surface_area((2, 1, .5))
    /// mine = [area[int(f"{code:08b}"[::-1], 2)] for code in range(256)]
    /// ```
    #[test]
    fn areas_are_those_of_surface_distance() {
        let areas = areas([2.0, 1.0, 0.5]);
        for (code, expected) in SINGLE {
            assert!(
                (areas[code] - expected).abs() < 1e-12,
                "{code}: {}",
                areas[code]
            );
        }
        // All of them, and each in its place.
        let sum: f64 = areas.iter().sum();
        let placed: f64 = (0u32..)
            .zip(areas)
            .map(|(k, a)| f64::from(k * k % 251) * a)
            .sum();
        assert!((sum - SUM).abs() < 1e-9, "{sum}");
        assert!((placed - PLACED).abs() < 1e-9, "{placed}");
    }

    const SINGLE: [(usize, f64); 25] = [
        (0, 0.0),
        (1, 0.28641098093474),
        (3, 0.5590169943749475),
        (5, 1.0307764064044151),
        (6, 0.57282196186948),
        (7, 1.10923294280422),
        (15, 0.5),
        (22, 0.85923294280422),
        (23, 1.7184658856084398),
        (24, 0.57282196186948),
        (25, 1.4044449696846348),
        (27, 2.220049121316115),
        (29, 1.9841694153013811),
        (30, 1.39564392373896),
        (60, 1.118033988749895),
        (61, 0.8454279753096874),
        (63, 0.5590169943749475),
        (85, 2.0),
        (105, 1.14564392373896),
        (107, 0.85923294280422),
        (111, 0.57282196186948),
        (126, 0.57282196186948),
        (127, 0.28641098093474),
        (170, 2.0),
        (255, 0.0),
    ];
    const SUM: f64 = 309.1632231939861;
    const PLACED: f64 = 37990.83484888106;
}
