//! A prompt's phrases, and which of a text's tokens see one another.

/// BERT's `[CLS]`, `[SEP]`, `.` and `?`: what parts one phrase from the next.
const SEPARATORS: [i64; 4] = [101, 102, 1012, 1029];

/// Whether a token only parts phrases.
pub(super) fn is_separator(id: i64) -> bool {
    SEPARATORS.contains(&id)
}

/// The phrases of `a. b. c`, lower-case as the model was trained, each ended by a full stop.
pub(super) fn phrases(prompt: &str) -> Vec<String> {
    (prompt.to_lowercase().split('.'))
        .map(str::trim)
        .filter(|phrase| phrase.chars().any(char::is_alphanumeric))
        .map(|phrase| format!("{phrase}."))
        .collect()
}

/// Of each token, its place in its phrase and the span of tokens that it sees.
pub(super) struct Blocks {
    pub position_ids: Vec<i64>,
    spans: Vec<(usize, usize)>,
}

impl Blocks {
    /// Phrases end with a separator and see themselves; the first token, the last, and what belongs to no phrase are alone.
    pub(super) fn of(ids: &[i64]) -> Self {
        let mut position_ids = vec![0; ids.len()];
        let mut spans: Vec<(usize, usize)> = (0..ids.len()).map(|at| (at, at + 1)).collect();
        let mut start = 0;
        for (at, _) in (ids.iter().enumerate()).filter(|(_, id)| is_separator(**id)) {
            if at > 0 && at + 1 < ids.len() {
                for token in start..=at {
                    position_ids[token] = (token - start) as i64;
                    spans[token] = (start, at + 1);
                }
            }
            start = at + 1;
        }
        Self {
            position_ids,
            spans,
        }
    }

    /// Whether token `at` sees token `other`.
    pub(super) fn sees(&self, at: usize, other: usize) -> bool {
        let (start, stop) = self.spans[at];
        (start..stop).contains(&other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_are_lower_case_and_end_with_a_stop() {
        let check =
            |prompt: &str, expected: &[&str]| assert_eq!(phrases(prompt), expected, "{prompt}");
        check("Liver", &["liver."]);
        check(
            "a Brain tumour. left lung .",
            &["a brain tumour.", "left lung."],
        );
        check("Ödem. 肺", &["ödem.", "肺."]);
        check("", &[]);
        check(" . .. -", &[]);
    }

    /// ```python
    /// from transformers.models.grounding_dino.modeling_grounding_dino import generate_masks_with_special_tokens_and_transfer_map as g
    /// mask, position = g(torch.tensor([ids]), torch.tensor([101, 102, 1012, 1029]))   # transformers 5.24
    /// ```
    #[test]
    fn tokens_see_their_phrase() {
        let check = |ids: &[i64], positions: &[i64], rows: &[&str]| {
            let blocks = Blocks::of(ids);
            assert_eq!(blocks.position_ids, positions, "{ids:?}");
            for (at, row) in rows.iter().enumerate() {
                let found: String = (0..ids.len())
                    .map(|other| if blocks.sees(at, other) { '#' } else { '.' })
                    .collect();
                assert_eq!(&found, row, "{ids:?} {at}");
            }
        };
        check(
            &[101, 7, 8, 1012, 9, 1029, 102],
            &[0, 0, 1, 2, 0, 1, 0],
            &[
                "#......", ".###...", ".###...", ".###...", "....##.", "....##.", "......#",
            ],
        );
        check(
            &[101, 7, 1012, 102, 0, 0],
            &[0, 0, 1, 0, 0, 0],
            &["#.....", ".##...", ".##...", "...#..", "....#.", ".....#"],
        );
    }
}
