//! Numbers as they are printed.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A number and the unit of its last digit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Printed {
    /// As printed.
    pub value: f64,
    /// Of the last digit: 0.01 for `86.78`.
    pub unit: f64,
}

impl Printed {
    /// The least it can stand for: half a unit below, or a whole one below 0, where digits are cut off
    /// towards 0.
    pub fn low(self) -> f64 {
        self.value - if self.value < 0.0 { 1.0 } else { 0.5 } * self.unit
    }

    /// The most it can stand for: a whole unit above, digits being rounded or cut off.
    pub fn high(self) -> f64 {
        self.value + if self.value < 0.0 { 0.5 } else { 1.0 } * self.unit
    }

    pub(super) fn scaled(self, factor: f64) -> Self {
        Self {
            value: self.value * factor,
            unit: self.unit * factor,
        }
    }
}

impl FromStr for Printed {
    type Err = ();

    /// Of digits with at most one point, signed or not; no exponents, no grouping.
    fn from_str(text: &str) -> Result<Self, ()> {
        let unsigned = text.strip_prefix(['-', '−', '+']).unwrap_or(text);
        let (whole, decimals) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.len() + decimals.len() == 0 || !digits(whole) || !digits(decimals) {
            return Err(());
        }
        let size: f64 = unsigned.parse().map_err(|_| ())?;
        let negative = text.starts_with(['-', '−']);
        Ok(Self {
            value: if negative { -size } else { size },
            unit: 10f64.powi(-(decimals.len() as i32)),
        })
    }
}

/// A cell of a table: a mean, and its standard deviation if that is printed too.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// The mean.
    pub mean: Printed,
    /// Its standard deviation over cases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deviation: Option<Printed>,
}

impl FromStr for Cell {
    type Err = ();

    /// Of `86.78`, `86.78 ± 3.10`, `86.78+-3.10`, `86.78 (3.10)`, with or without `%` and the asterisks
    /// of Markdown.
    fn from_str(text: &str) -> Result<Self, ()> {
        let plain: String = text
            .chars()
            .filter(|c| !matches!(c, '*' | '%') && !c.is_whitespace())
            .collect();
        let (mean, deviation) = ["±", "+-", "+/-", "("]
            .iter()
            .find_map(|mark| plain.split_once(mark))
            .map_or((plain.as_str(), None), |(mean, rest)| {
                (mean, Some(rest.trim_end_matches(')')))
            });
        Ok(Self {
            mean: mean.parse()?,
            deviation: deviation.map(str::parse).transpose()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_read_as_printed() {
        let printed = |value, unit| Printed { value, unit };
        for (text, mean, deviation) in [
            ("86.78", printed(86.78, 0.01), None),
            ("**0.9107**", printed(0.9107, 1e-4), None),
            ("100", printed(100.0, 1.0), None),
            (" 9.5 %", printed(9.5, 0.1), None),
            ("−3", printed(-3.0, 1.0), None),
            ("86.78 ± 3.1", printed(86.78, 0.01), Some(printed(3.1, 0.1))),
            ("86.8+-3.10", printed(86.8, 0.1), Some(printed(3.1, 0.01))),
            ("86.8(3)", printed(86.8, 0.1), Some(printed(3.0, 1.0))),
        ] {
            let cell: Cell = text.parse().unwrap();
            let close =
                |a: Printed, b: Printed| a.value == b.value && (a.unit - b.unit).abs() < 1e-15;
            assert!(close(cell.mean, mean), "{text}: {cell:?}");
            match (cell.deviation, deviation) {
                (Some(a), Some(b)) => assert!(close(a, b), "{text}: {cell:?}"),
                (a, b) => assert_eq!(a, b, "{text}"),
            }
        }
        for wrong in [
            "", "86,78", "1.2.3", "8e1", "n/a", "86.7 ±", "NaN", "inf", ".", "+-3",
        ] {
            assert_eq!(wrong.parse::<Cell>(), Err(()), "{wrong}");
        }
    }

    #[test]
    fn a_digit_stands_for_what_rounds_or_is_cut_to_it() {
        let cell: Cell = "86.78".parse().unwrap();
        assert!((cell.mean.low() - 86.775).abs() < 1e-12);
        assert!((cell.mean.high() - 86.79).abs() < 1e-12);
        let cell: Cell = "-2".parse().unwrap();
        assert_eq!((cell.mean.low(), cell.mean.high()), (-3.0, -1.5));
    }
}
