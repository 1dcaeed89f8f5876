//! One of several machines' share of a list.

use std::{fmt, str::FromStr};

use crate::LocalizeError;

/// The `number`-th of `count` shares, counted from 1, as `2/8` on the command line.
///
/// Items are dealt like cards, by their place in the list and nothing else: shares differ by one item at most, and items that
/// are alike and stand together (a patient's slices) are spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    number: usize,
    count: usize,
}

impl Shard {
    /// All of the list.
    pub const ALL: Self = Self {
        number: 1,
        count: 1,
    };

    /// Whether the item at `position`, from 0, is of this share.
    pub fn owns(self, position: usize) -> bool {
        position % self.count + 1 == self.number
    }

    /// The items of this share, in their order.
    pub fn of<T>(self, items: impl IntoIterator<Item = T>) -> impl Iterator<Item = T> {
        items.into_iter().skip(self.number - 1).step_by(self.count)
    }
}

impl FromStr for Shard {
    type Err = LocalizeError;

    fn from_str(text: &str) -> Result<Self, LocalizeError> {
        let parts = text.split_once('/').and_then(|(number, count)| {
            let number = number.trim().parse().ok()?;
            let count = count.trim().parse().ok()?;
            (1..=count)
                .contains(&number)
                .then_some(Self { number, count })
        });
        parts.ok_or_else(|| LocalizeError::Option {
            option: "shard",
            expected: "i/n with i from 1 to n, such as 2/8",
            got: text.to_owned(),
        })
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_item_is_of_one_share() {
        for count in 1..6 {
            let shards: Vec<Shard> = (1..=count)
                .map(|number| format!("{number}/{count}").parse().unwrap())
                .collect();
            for n_items in 0..12_usize {
                for position in 0..n_items {
                    assert_eq!(shards.iter().filter(|s| s.owns(position)).count(), 1);
                }
                let sizes: Vec<usize> = (shards.iter())
                    .map(|shard| {
                        let owned: Vec<usize> = shard.of(0..n_items).collect();
                        assert!(
                            owned.iter().all(|position| shard.owns(*position)),
                            "{shard}"
                        );
                        owned.len()
                    })
                    .collect();
                assert_eq!(sizes.iter().sum::<usize>(), n_items);
                assert!(sizes.iter().max().unwrap() - sizes.iter().min().unwrap() <= 1);
            }
        }
        assert_eq!("1/1".parse::<Shard>().unwrap(), Shard::ALL);
    }

    #[test]
    fn refuses_what_is_no_share() {
        for text in [
            "",
            "1",
            "0/2",
            "3/2",
            "1/0",
            "-1/2",
            "a/b",
            "1/2/3",
            "99999999999999999999/1",
        ] {
            let error = text.parse::<Shard>().unwrap_err().to_string();
            assert!(error.contains("shard") && error.contains("2/8"), "{error}");
        }
    }
}
