//! What a prompt asks for, or why no similarity can honour it.

use crate::LocalizeError;

const NEGATIONS: [&str; 17] = [
    "no",
    "not",
    "non",
    "none",
    "never",
    "without",
    "except",
    "excluding",
    "excluded",
    "exclude",
    "neither",
    "nor",
    "but",
    "lacking",
    "absent",
    "outside",
    "minus",
];

/// What every localizer that reads prompts refuses: nothing, and what is not wanted. Vectors of `liver` and `no liver` are
/// alike, and so would the regions be.
///
/// # Errors
/// [`LocalizeError::EmptyPrompt`] for blanks, [`LocalizeError::NegatedPrompt`] for a word that negates.
pub fn check_prompt(prompt: &str) -> Result<(), LocalizeError> {
    wanted_words(prompt).map(drop)
}

/// The words of a prompt in lower case, but for those on contrast agent; none for a prompt of signs alone.
///
/// # Errors
/// As [`check_prompt`].
pub(crate) fn wanted_words(prompt: &str) -> Result<Vec<String>, LocalizeError> {
    if prompt.trim().is_empty() {
        return Err(LocalizeError::EmptyPrompt {
            prompt: prompt.to_owned(),
        });
    }
    let words = without_contrast(prompt_words(prompt));
    let negates = |word: &&String| NEGATIONS.contains(&word.as_str()) || word.ends_with("n't");
    match words.iter().find(negates) {
        None => Ok(words),
        Some(word) => Err(LocalizeError::NegatedPrompt {
            prompt: prompt.to_owned(),
            word: word.clone(),
        }),
    }
}

/// Lower-case words; inner hyphens and apostrophes stay, `x-ray` becomes one word.
fn prompt_words(prompt: &str) -> Vec<String> {
    let lower = prompt
        .to_lowercase()
        .replace('\u{2019}', "'")
        .replace("x-ray", "xray");
    lower
        .split(|c: char| !(c.is_alphanumeric() || c == '\'' || c == '-'))
        .map(|w| w.trim_matches(['\'', '-']))
        .filter(|w| !w.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Drops what says how the image was taken: `non-contrast`, `without contrast`.
fn without_contrast(words: Vec<String>) -> Vec<String> {
    let is_contrast =
        |w: &String| matches!(w.as_str(), "contrast" | "enhanced" | "contrast-enhanced");
    let mut kept: Vec<String> = Vec::with_capacity(words.len());
    for word in words {
        if matches!(
            word.as_str(),
            "non-contrast" | "non-enhanced" | "noncontrast" | "contrast-enhanced"
        ) {
            continue;
        }
        if is_contrast(&word)
            && kept
                .last()
                .is_some_and(|w| matches!(w.as_str(), "without" | "no" | "non" | "with"))
        {
            kept.pop();
            continue;
        }
        kept.push(word);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_empty_and_negated_prompts() {
        for prompt in ["", "   ", "\n"] {
            let refused = check_prompt(prompt);
            assert!(
                matches!(refused, Err(LocalizeError::EmptyPrompt { .. })),
                "{prompt:?}"
            );
        }
        for (prompt, negation) in [
            ("no heart", "no"),
            ("No tumour.", "no"),
            ("not the liver", "not"),
            ("everything except the lungs", "except"),
            ("a scan without kidneys", "without"),
            ("don't show the aorta", "don't"),
            ("don\u{2019}t show the aorta", "don't"),
        ] {
            match check_prompt(prompt) {
                Err(LocalizeError::NegatedPrompt { word, .. }) => assert_eq!(word, negation),
                other => panic!("{prompt}: {other:?}"),
            }
        }
    }

    #[test]
    fn lets_through_how_an_image_was_taken() {
        for (prompt, words) in [
            ("a non-contrast CT of the liver", 5),
            ("CT without contrast, showing a kidney", 4),
            ("a notable nodule", 3),
            ("\u{1FAC1}", 0),
        ] {
            assert_eq!(wanted_words(prompt).unwrap().len(), words, "{prompt}");
        }
    }
}
