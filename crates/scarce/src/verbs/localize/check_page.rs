//! What a check of prompts says, on a page.

use scarce_report::{Section, Table};
use scarce_vlm::check::{Agreement, PromptSanity, SetSanity};

/// A section for each prompt, and one that sets all texts against one another; `maps` is a picture of the first image's.
pub fn sections(found: &SetSanity, maps: Option<&[u8]>) -> Vec<Section> {
    let mut sections: Vec<Section> = found.prompts.iter().map(of_prompt).collect();
    sections.push(matrix(found, maps));
    sections
}

fn of_prompt(found: &PromptSanity) -> Section {
    let prompt = &found.words.prompt;
    let mut section = Section::new(format!("Do maps of “{prompt}” follow the words?"));
    section.text(format!(
        "Over {} images {}: maps correlate by {:.3} with those of the same in other words, by {:.3} with those of nonsense. Words \
         count as ignored from {:.2} with nonsense on, and where the two are less than {:.2} apart any word changes the map.",
        found.images.len(),
        found.verdict,
        found.reworded.correlation,
        found.nonsense.correlation,
        found.thresholds.nonsense_correlation,
        found.thresholds.margin,
    ));
    section.text(format!(
        "In other words: {}.",
        quoted(&found.words.reworded)
    ));
    section.text(format!("Nonsense: {}.", quoted(&found.words.nonsense)));
    if !found.not_seen.is_empty() {
        section.text(format!("Not found in: {}.", found.not_seen.join(", ")));
    }
    let row = |name: &str, reworded: &Agreement, nonsense: &Agreement| {
        let number = |value: f64| format!("{value:.3}");
        vec![
            name.to_owned(),
            number(reworded.correlation),
            number(nonsense.correlation),
            number(reworded.iou),
            number(nonsense.iou),
        ]
    };
    let mut rows: Vec<Vec<String>> = (found.images.iter())
        .map(|image| row(&image.id, &image.reworded, &image.nonsense))
        .collect();
    rows.push(row("mean", &found.reworded, &found.nonsense));
    let columns = [
        "image",
        "correlation, reworded",
        "correlation, nonsense",
        "IoU, reworded",
        "IoU, nonsense",
    ];
    section.table(Table {
        columns: columns.map(str::to_owned).to_vec(),
        rows,
    });
    section
}

fn matrix(found: &SetSanity, maps: Option<&[u8]>) -> Section {
    let mut section = Section::new("Correlation of the maps of all texts");
    let numbered: Vec<String> = (found.texts.iter().enumerate())
        .map(|(at, text)| format!("{}: “{text}”", at + 1))
        .collect();
    section.text(
        "Means over the images in which both texts were found; a dash stands where the localizer refused one of them in each.",
    );
    let mut columns = vec!["text".to_owned()];
    columns.extend((1..=found.texts.len()).map(|number| number.to_string()));
    let cell = |between: &Option<Agreement>| match between {
        Some(agreement) => format!("{:.2}", agreement.correlation),
        None => "–".to_owned(),
    };
    let rows = (numbered.into_iter().zip(&found.matrix))
        .map(|(text, row)| std::iter::once(text).chain(row.iter().map(cell)).collect())
        .collect();
    section.table(Table { columns, rows });
    if !found.not_found.is_empty() {
        let texts = quoted(&found.not_found);
        section.text(format!("Found in no image: {texts}."));
    }
    if let Some(png) = maps {
        section.png(
            png,
            "The first image under the maps of those texts that were not refused, in their order.",
        );
    }
    section
}

fn quoted(texts: &[String]) -> String {
    let quoted: Vec<String> = texts.iter().map(|text| format!("“{text}”")).collect();
    quoted.join(", ")
}
