//! The curve of all scans together.

use super::FrocScan;

/// A candidate that matters.
#[derive(Debug, Clone, Copy)]
struct Mark {
    score: f64,
    scan: u32,
    hit: bool,
}

/// The curve of all scans together.
#[derive(Debug, Clone)]
pub struct FrocCurve {
    /// By falling score.
    marks: Vec<Mark>,
    /// Lesions of each scan.
    lesions: Vec<usize>,
}

impl FrocCurve {
    /// From the scans, those without lesions or candidates among them.
    pub fn new(scans: &[FrocScan]) -> Self {
        let mut marks = Vec::new();
        for (scan, of) in (0..).zip(scans) {
            let mark = |hit: bool| {
                move |score: &f64| Mark {
                    score: *score,
                    scan,
                    hit,
                }
            };
            marks.extend(of.hits.iter().map(mark(true)));
            marks.extend(of.false_positives.iter().map(mark(false)));
        }
        marks.sort_by(|a, b| b.score.total_cmp(&a.score));
        Self {
            marks,
            lesions: scans.iter().map(|scan| scan.lesions).collect(),
        }
    }

    /// Scans.
    pub fn scans(&self) -> usize {
        self.lesions.len()
    }

    /// Lesions asked for.
    pub fn lesions(&self) -> usize {
        self.lesions.iter().sum()
    }

    /// False positives a scan and sensitivity at each score, from the surest on; the first point is (0, 0). Empty without
    /// scans or lesions.
    pub fn points(&self) -> Vec<[f64; 2]> {
        let mut points = Vec::new();
        self.trace(&vec![1; self.scans()], &mut points);
        points
    }

    /// Sensitivity at each rate of false positives a scan; none without scans or lesions.
    pub fn sensitivities(&self, rates: &[f64]) -> Option<Vec<f64>> {
        self.weighted(&vec![1; self.scans()], rates, &mut Vec::new())
    }

    /// The same under the scans' multiplicities. `points` is scratch space.
    pub(super) fn weighted(
        &self,
        multiplicities: &[u32],
        rates: &[f64],
        points: &mut Vec<[f64; 2]>,
    ) -> Option<Vec<f64>> {
        self.trace(multiplicities, points);
        let sensitivity = |rate: &f64| {
            let after = points.partition_point(|[at, _]| at <= rate);
            let [x, y] = *points.get(after.checked_sub(1)?)?;
            Some(points.get(after).map_or(y, |[next_x, next_y]| {
                y + (next_y - y) / (next_x - x) * (rate - x)
            }))
        };
        rates.iter().map(sensitivity).collect()
    }

    fn trace(&self, multiplicities: &[u32], points: &mut Vec<[f64; 2]>) {
        points.clear();
        let times = |scan: usize| u64::from(multiplicities[scan]);
        let scans: u64 = (0..self.lesions.len()).map(times).sum();
        let lesions = self.lesions.iter().enumerate();
        let lesions: u64 = lesions.map(|(scan, n)| *n as u64 * times(scan)).sum();
        if scans == 0 || lesions == 0 {
            return;
        }
        points.push([0.0, 0.0]);
        let (mut hits, mut false_positives) = (0, 0);
        let same_score = |a: &Mark, b: &Mark| a.score == b.score;
        for together in self.marks.chunk_by(same_score) {
            for mark in together {
                let count = if mark.hit {
                    &mut hits
                } else {
                    &mut false_positives
                };
                *count += times(mark.scan as usize);
            }
            let x = false_positives as f64 / scans as f64;
            points.push([x, hits as f64 / lesions as f64]);
        }
    }
}
