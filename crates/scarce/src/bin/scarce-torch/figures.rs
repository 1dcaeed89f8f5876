//! Figures of cases under the names that `evaluate` gives them.

use std::collections::BTreeMap;

use scarce_metrics::Measured;

/// A case's figures by label as one list: `dice` where there is one label, `label-2.dice` where there are several.
pub fn by_name(
    scored: BTreeMap<u16, BTreeMap<String, Measured>>,
    is_single: bool,
) -> BTreeMap<String, Measured> {
    let figures = scored.into_iter().flat_map(|(label, figures)| {
        figures.into_iter().map(move |(metric, measured)| {
            let name = if is_single {
                metric
            } else {
                format!("label-{label}.{metric}")
            };
            (name, measured)
        })
    });
    figures.collect()
}
