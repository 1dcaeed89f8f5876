//! What a published table of results can't be: rows that no cases could have made.
//!
//! [`lint`] reads a table of means over cases and returns one [`Finding`] for each contradiction. It
//! counts a printed digit for all it can stand for (half a unit of the last digit below, for rounding;
//! a whole one above, for digits cut off), so that a finding is no matter of rounding.
//!
//! | rule | severity | why |
//! | --- | --- | --- |
//! | [`Rule::OutOfRange`] | impossible | a share lies within 0 and 1, a distance is not negative |
//! | [`Rule::JaccardBelowDice`] | impossible | per case J = D/(2−D), a convex function of D, so mean J ≥ D̄/(2−D̄) (Jensen) |
//! | [`Rule::JaccardAboveDice`] | impossible | per case J ≤ D, equal only at 0 and 1 |
//! | [`Rule::DiceAboveHarmonicMean`] | impossible | per case D = 2PR/(P+R), a concave function of precision and recall, so mean D ≤ 2P̄R̄/(P̄+R̄) (Jensen) |
//! | [`Rule::JaccardAboveShare`] | impossible | per case J ≤ P and J ≤ R |
//! | [`Rule::AboveHausdorff`] | impossible | a percentile or mean of surface distances is at most their maximum |
//! | [`Rule::NoShareOfCases`] | impossible | the accuracy of n cases is a multiple of 1/n (Brown & Heathers 2017) |
//! | [`Rule::SpreadBeyondRange`] | impossible | values within 0 and 1 with mean m have s² ≤ m(1−m) n/(n−1) (Bhatia & Davis 2000) |
//! | [`Rule::AsdAboveHd95`] | doubtful | a mean above the 95th percentile takes a far part in less than a twentieth of the surface |
//! | [`Rule::DigitsBeyondError`] | doubtful | digits beyond two significant ones of the standard error s/√n say nothing (JCGM 100:2008, 7.2.6) |
//!
//! Impossible means: impossible for means over the same cases, by one definition. A row that is
//! flagged is a misprint, has columns from different cases, or was averaged otherwise (the Dice of all
//! voxels together beside a mean Jaccard of cases, say), and either way is not to be compared with.
//!
//! An ASD above HD95 is *not* impossible: where a far island makes up less than a twentieth of the
//! surface, the 95th percentile is 0 and the mean is not. Nor does n alone limit the digits of a mean
//! Dice: that takes its standard deviation.

mod finding;
mod printed;
mod reading;
mod rules;
mod table;

pub use finding::{Finding, Rule, Severity};
pub use printed::{Cell, Printed};
pub use rules::lint;
pub use table::{Column, LintError, Metric, ResultsRow, ResultsTable, Scale};
