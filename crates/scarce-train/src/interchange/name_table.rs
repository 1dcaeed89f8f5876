//! From one library's names to another's.

use std::fmt;

/// What names become: rules, each applied to what the one before it made.
#[derive(Default)]
pub struct NameTable {
    rules: Vec<Rule>,
}

type Map = Box<dyn Fn(&str) -> Option<String> + Send + Sync>;

enum Rule {
    Name { from: String, to: String },
    Prefix { from: String, to: String },
    LeaveOut(String),
    Closure(Map),
}

impl NameTable {
    /// Every name as it is.
    pub fn new() -> Self {
        Self::default()
    }

    /// Names as torchvision and timm write their residual networks', without the counts of batches that
    /// PyTorch's batch norm keeps and no inference reads (`num_batches_tracked`).
    pub fn torchvision() -> Self {
        Self::new().leave_out("*.num_batches_tracked")
    }

    /// One name becomes another.
    #[must_use]
    pub fn name(self, from: &str, to: &str) -> Self {
        let (from, to) = (from.to_owned(), to.to_owned());
        self.with(Rule::Name { from, to })
    }

    /// A prefix becomes another; either may be empty. `prefix("module.", "")` undoes what PyTorch's
    /// `DistributedDataParallel` does to names.
    #[must_use]
    pub fn prefix(self, from: &str, to: &str) -> Self {
        let (from, to) = (from.to_owned(), to.to_owned());
        self.with(Rule::Prefix { from, to })
    }

    /// Names like `pattern` are left out: knowingly dropped, neither missing nor extra. A `*` in front or
    /// at the end stands for anything.
    #[must_use]
    pub fn leave_out(self, pattern: &str) -> Self {
        self.with(Rule::LeaveOut(pattern.to_owned()))
    }

    /// A closure's answer; none leaves the name out.
    #[must_use]
    pub fn map(self, map: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        self.with(Rule::Closure(Box::new(map)))
    }

    /// What `name` becomes; none where it is left out.
    pub fn rename(&self, name: &str) -> Option<String> {
        let mut name = name.to_owned();
        for rule in &self.rules {
            match rule {
                Rule::Name { from, to } if *from == name => name.clone_from(to),
                Rule::Prefix { from, to } => {
                    if let Some(rest) = name.strip_prefix(from.as_str()) {
                        name = format!("{to}{rest}");
                    }
                }
                Rule::LeaveOut(pattern) if matches(pattern, &name) => return None,
                Rule::Closure(map) => name = map(&name)?,
                Rule::Name { .. } | Rule::LeaveOut(_) => {}
            }
        }
        Some(name)
    }

    fn with(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }
}

impl fmt::Debug for NameTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rule = |rule: &Rule| match rule {
            Rule::Name { from, to } => format!("{from} -> {to}"),
            Rule::Prefix { from, to } => format!("{from}* -> {to}*"),
            Rule::LeaveOut(pattern) => format!("without {pattern}"),
            Rule::Closure(_) => "closure".to_owned(),
        };
        f.debug_list().entries(self.rules.iter().map(rule)).finish()
    }
}

/// Whether `name` is like `pattern`, in which a `*` in front or at the end stands for anything.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(""), _) => true,
        (Some(inner), Some(_)) => name.contains(inner.trim_end_matches('*')),
        (Some(end), None) => name.ends_with(end),
        (None, Some(start)) => name.starts_with(start),
        (None, None) => name == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_follow_each_other() {
        let table = NameTable::torchvision()
            .prefix("module.", "")
            .name("fc.weight", "head.weight")
            .leave_out("aux*")
            .map(|name| Some(name.replace(".gamma", ".weight")))
            .prefix("", "encoder.");
        for (name, expected) in [
            ("module.fc.weight", Some("encoder.head.weight")),
            ("fc.bias", Some("encoder.fc.bias")),
            ("layer1.0.bn1.num_batches_tracked", None),
            ("module.aux_head.weight", None),
            ("bn1.gamma", Some("encoder.bn1.weight")),
        ] {
            assert_eq!(table.rename(name).as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn patterns_hold_at_either_end() {
        for (pattern, name, expected) in [
            ("fc.weight", "fc.weight", true),
            ("fc", "fc.weight", false),
            ("fc*", "fc.weight", true),
            ("*.weight", "fc.weight", true),
            ("*.weight", "fc.bias", false),
            ("*bn*", "layer1.0.bn2.bias", true),
            ("*", "anything", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }
}
