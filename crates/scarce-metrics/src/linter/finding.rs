//! What the linter says.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How sure a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// No cases can have made these figures.
    Impossible,
    /// Possible, but seldom what was meant.
    Doubtful,
}

/// What was found; [`super`]'s table says why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// A share outside 0 to 1, or a negative distance.
    OutOfRange,
    /// Mean Jaccard below D̄/(2−D̄).
    JaccardBelowDice,
    /// Mean Jaccard above mean Dice.
    JaccardAboveDice,
    /// Mean Dice above the harmonic mean of mean precision and mean recall.
    DiceAboveHarmonicMean,
    /// Mean Jaccard above mean precision or mean recall.
    JaccardAboveShare,
    /// HD95, ASD or ASSD above the Hausdorff distance.
    AboveHausdorff,
    /// An accuracy that no number of right cases gives.
    NoShareOfCases,
    /// A standard deviation that no values in the range have.
    SpreadBeyondRange,
    /// ASD or ASSD above HD95.
    AsdAboveHd95,
    /// More digits than the standard error supports.
    DigitsBeyondError,
}

impl Rule {
    /// How sure its findings are.
    pub fn severity(self) -> Severity {
        match self {
            Self::AsdAboveHd95 | Self::DigitsBeyondError => Severity::Doubtful,
            _ => Severity::Impossible,
        }
    }
}

/// One contradiction of one row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The row's name.
    pub row: String,
    /// The headings of the columns it is about, the one with `printed` first.
    pub columns: Vec<String>,
    /// What was found.
    pub rule: Rule,
    /// How sure that is.
    pub severity: Severity,
    /// The figure at fault, as printed.
    pub printed: f64,
    /// What it may be at most or at least, on the scale of its column: by the other figures as
    /// printed, before rounding is allowed for.
    pub bound: f64,
    /// One sentence with all of that.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.row, self.message)
    }
}
