//! Parts of parameter names that say where in a network a parameter lies.

/// The number after `prefix` in a dotted name, and the one after that: `layer3.4.conv1.weight` with `layer` is (3, 4).
pub(super) fn stage_and_block(name: &str, prefix: &str) -> Option<(usize, Option<usize>)> {
    let mut parts = name.strip_prefix(prefix)?.split('.');
    let stage = parts.next()?.parse().ok()?;
    Some((stage, parts.next().and_then(|block| block.parse().ok())))
}
