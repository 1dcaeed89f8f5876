//! Masks to look at.

use ndarray::{Array3, ArrayView2};

use crate::MaskError;

/// One picture of a contact sheet.
#[derive(Debug, Clone, Copy)]
pub struct Tile<'a> {
    /// Grey values in 0 to 1, `(y, x)`; others count as the nearer of both.
    pub pixels: ArrayView2<'a, f32>,
    /// The region in pixels, `(y, x)`; its outline is drawn.
    pub region: ArrayView2<'a, bool>,
    /// Hidden cells, `(row, column)`.
    pub hidden: ArrayView2<'a, bool>,
}

const PAPER: [u8; 3] = [255; 3];
const HIDDEN: [f32; 3] = [0.25, 0.42, 0.68];
const OUTLINE: [u8; 3] = [240, 130, 40];
const GAP: usize = 4;

/// A sheet of pictures in rows of `columns`, `(y, x, RGB)`: hidden patches are tinted, the region is
/// outlined. Only pixels; whoever calls it writes the file.
///
/// # Errors
/// [`MaskError::Setting`] without a tile or a column, [`MaskError::Shape`] for pictures of several sizes
/// or a region that is not of its picture's, [`MaskError::Grid`] for a mask finer than its picture.
pub fn contact_sheet(tiles: &[Tile<'_>], columns: usize) -> Result<Array3<u8>, MaskError> {
    let first = tiles.first().filter(|_| columns > 0);
    let Some(first) = first else {
        return Err(MaskError::Setting {
            name: "a contact sheet",
            expected: "a tile and a column at least",
            got: format!("{} tiles in {columns} columns", tiles.len()),
        });
    };
    let (height, width) = first.pixels.dim();
    let columns = columns.min(tiles.len());
    let rows = tiles.len().div_ceil(columns);
    let along = |n: usize, size: usize| n * (size + GAP) + GAP;
    let shape = (along(rows, height), along(columns, width), 3);
    let mut sheet = Array3::from_shape_fn(shape, |(_, _, channel)| PAPER[channel]);
    for (k, tile) in tiles.iter().enumerate() {
        check(tile, (height, width))?;
        let corner = (along(k / columns, height), along(k % columns, width));
        for y in 0..height {
            for x in 0..width {
                let colour = colour(tile, y, x);
                for (channel, value) in colour.into_iter().enumerate() {
                    sheet[[corner.0 + y, corner.1 + x, channel]] = value;
                }
            }
        }
    }
    Ok(sheet)
}

fn check(tile: &Tile<'_>, size: (usize, usize)) -> Result<(), MaskError> {
    for (what, got) in [
        ("a picture", tile.pixels.dim()),
        ("a region", tile.region.dim()),
    ] {
        if got != size {
            return Err(MaskError::Shape {
                what,
                expected: vec![size.0, size.1],
                got: vec![got.0, got.1],
            });
        }
    }
    let grid = tile.hidden.dim();
    if grid.0 == 0 || grid.1 == 0 || grid.0 > size.0 || grid.1 > size.1 {
        return Err(MaskError::Grid {
            grid: vec![grid.0, grid.1],
            pixels: vec![size.0, size.1],
        });
    }
    Ok(())
}

fn colour(tile: &Tile<'_>, y: usize, x: usize) -> [u8; 3] {
    let (height, width) = tile.pixels.dim();
    if tile.region[[y, x]] {
        let outside = |dy: usize, dx: usize| {
            let at = ((y + dy).checked_sub(1), (x + dx).checked_sub(1));
            let inside = |(y, x)| tile.region.get((y, x)).is_some_and(|v| *v);
            !at.0.zip(at.1).is_some_and(inside)
        };
        if outside(0, 1) || outside(2, 1) || outside(1, 0) || outside(1, 2) {
            return OUTLINE;
        }
    }
    // The cell whose bounds ⌊k·n/g⌋ enclose the pixel.
    let cell = |at: usize, n: usize, g: usize| ((at + 1) * g - 1) / n;
    let (rows, columns) = tile.hidden.dim();
    let hidden = tile.hidden[[cell(y, height, rows), cell(x, width, columns)]];
    let grey = tile.pixels[[y, x]];
    // NaN is shown as black.
    let grey = if grey.is_nan() {
        0.0
    } else {
        grey.clamp(0.0, 1.0)
    };
    HIDDEN.map(|tint| {
        let value = if hidden {
            0.25 * grey + 0.75 * tint
        } else {
            grey
        };
        (value * 255.0).round() as u8
    })
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    #[test]
    fn hidden_patches_are_tinted_and_the_region_outlined() {
        let pixels = Array2::from_elem((6, 7), 0.5f32);
        let region = Array2::from_shape_fn((6, 7), |(y, x)| y < 3 && x < 3);
        let hidden = array![[false, true], [false, false]];
        let tile = Tile {
            pixels: pixels.view(),
            region: region.view(),
            hidden: hidden.view(),
        };
        let sheet = contact_sheet(&[tile; 3], 2).unwrap();
        assert_eq!(sheet.dim(), (2 * 10 + 4, 2 * 11 + 4, 3));
        let at = |y: usize, x: usize| [sheet[[y, x, 0]], sheet[[y, x, 1]], sheet[[y, x, 2]]];
        // The third tile lies below the first; the place beside it stays paper.
        for (y, x) in [(4, 4), (4, 15), (14, 4)] {
            assert_eq!(at(y, x), OUTLINE);
            assert_eq!(at(y + 1, x + 1), [128; 3]);
            // Columns 0..3 and 3..7 of 7 pixels.
            assert_eq!(at(y, x + 3), [80, 112, 162]);
            assert_eq!(at(y + 5, x + 6), [128; 3]);
        }
        assert_eq!(at(14, 15), PAPER);
        assert_eq!(at(0, 0), PAPER);
    }

    #[test]
    fn pixels_fall_in_the_cells_of_the_grid() {
        for (n, g) in [(7, 2), (10, 3), (224, 7), (30, 13), (5, 5)] {
            for at in 0..n {
                let k = ((at + 1) * g - 1) / n;
                assert!(
                    (k * n / g..(k + 1) * n / g).contains(&at),
                    "{at} of {n}, {g}"
                );
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let (small, large) = (Array2::zeros((4, 4)), Array2::zeros((5, 4)));
        let region = Array2::from_elem((4, 4), false);
        let (hidden, fine) = (array![[true]], Array2::from_elem((5, 1), true));
        let tile = Tile {
            pixels: small.view(),
            region: region.view(),
            hidden: hidden.view(),
        };
        let other = Tile {
            pixels: large.view(),
            ..tile
        };
        let finer = Tile {
            hidden: fine.view(),
            ..tile
        };
        for (tiles, columns) in [
            (&[][..], 1),
            (&[tile], 0),
            (&[tile, other], 2),
            (&[other], 1),
            (&[finer], 1),
        ] {
            assert!(contact_sheet(tiles, columns).is_err());
        }
    }
}
