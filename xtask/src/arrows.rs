//! Which crate may know which: the design's arrows, held against what cargo resolves.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use anyhow::{Context, Result};
use serde::Deserialize;
use xshell::{Shell, cmd};

use crate::process;
use crate::workspace::Workspace;

/// The arrows a crate may have of its own. Through these it may also name what they lead to.
const ARROWS: &[(&str, &[&str])] = &[
    ("scarce-image", &[]),
    ("scarce-io", &["scarce-image"]),
    ("scarce-vlm", &["scarce-image"]),
    ("scarce-mask", &["scarce-image"]),
    ("scarce-metrics", &["scarce-image"]),
    ("scarce-report", &["scarce-metrics"]),
    ("scarce-train", &["scarce-image", "scarce-metrics"]),
    ("scarce-mim", &["scarce-train", "scarce-mask"]),
    ("scarce-detect", &["scarce-mim"]),
    ("scarce-corn", &["scarce-train"]),
    ("scarce-cli", &["scarce-io", "scarce-vlm"]),
    (
        "scarce",
        &[
            "scarce-cli",
            "scarce-mim",
            "scarce-detect",
            "scarce-corn",
            "scarce-report",
        ],
    ),
    ("scarce-benches", &["scarce"]),
    ("xtask", &[]),
];

/// Who may reach a native library, by the crate that links it.
const NATIVE: &[(&str, &[&str])] = &[
    (
        "torch-sys",
        &[
            "scarce-train",
            "scarce-mim",
            "scarce-detect",
            "scarce-corn",
            "scarce",
            "scarce-benches",
        ],
    ),
    ("ort-sys", ONNX_RUNTIME),
    ("ort", ONNX_RUNTIME),
];

const ONNX_RUNTIME: &[&str] = &["scarce-vlm", "scarce-cli", "scarce", "scarce-benches"];

/// Packages by name, each with the names of what it depends on in any way: normal, build or test.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    /// Of all packages, ours and others'.
    pub depends_on: BTreeMap<String, BTreeSet<String>>,
    /// Our own.
    pub ours: BTreeSet<String>,
}

/// All ways in which `graph` breaks the design, each as one line that names the arrow.
pub fn offences(graph: &Graph) -> Vec<String> {
    let mut offences = Vec::new();
    for name in &graph.ours {
        if !ARROWS.iter().any(|(known, _)| known == name) {
            offences.push(format!(
                "{name} is not in the design: give it its arrows in xtask/src/arrows.rs"
            ));
            continue;
        }
        let allowed = allowed(name);
        for to in graph.depends_on.get(name).into_iter().flatten() {
            if graph.ours.contains(to) && to != name && !allowed.contains(to.as_str()) {
                let list = allowed.iter().copied().collect::<Vec<_>>().join(", ");
                let list = if list.is_empty() {
                    "none of our crates".to_owned()
                } else {
                    list
                };
                offences.push(format!(
                    "{name} -> {to} is no arrow of the design: {name} may know {list}"
                ));
            }
        }
        for (native, may) in NATIVE {
            if may.contains(&name.as_str()) {
                continue;
            }
            if let Some(way) = way(graph, name, native) {
                offences.push(format!(
                    "{name} must not reach {native}: {}",
                    way.join(" -> ")
                ));
            }
        }
    }
    offences
}

/// The closure of a crate's arrows.
fn allowed(name: &str) -> BTreeSet<&'static str> {
    let mut closure = BTreeSet::new();
    let mut open = vec![name];
    while let Some(name) = open.pop() {
        for to in ARROWS
            .iter()
            .filter(|(from, _)| *from == name)
            .flat_map(|(_, to)| *to)
        {
            if closure.insert(*to) {
                open.push(to);
            }
        }
    }
    closure
}

/// The shortest chain of dependencies from `from` to `to`.
fn way<'g>(graph: &'g Graph, from: &'g str, to: &str) -> Option<Vec<&'g str>> {
    let mut came_from: BTreeMap<&str, &str> = BTreeMap::new();
    let mut open = VecDeque::from([from]);
    while let Some(name) = open.pop_front() {
        if name == to {
            let mut way = vec![name];
            while let Some(before) = way.last().and_then(|last| came_from.get(last)) {
                way.push(before);
            }
            way.reverse();
            return Some(way);
        }
        for next in graph.depends_on.get(name).into_iter().flatten() {
            if next != from && !came_from.contains_key(next.as_str()) {
                came_from.insert(next, name);
                open.push_back(next);
            }
        }
    }
    None
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<PackageId>,
    workspace_members: Vec<String>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct PackageId {
    id: String,
    name: String,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    dependencies: Vec<String>,
}

/// The graph as cargo resolves it, offline if it can.
///
/// # Errors
/// `cargo metadata` fails, for example because two crates now need each other.
pub fn resolve(workspace: &Workspace) -> Result<Graph> {
    let sh = Shell::new()?;
    sh.change_dir(workspace.root());
    let text = match process::ask(cmd!(sh, "cargo metadata --format-version 1 --offline")) {
        Some(text) => text,
        None => process::read(cmd!(sh, "cargo metadata --format-version 1"))?,
    };
    let metadata: Metadata =
        serde_json::from_str(&text).context("can't understand cargo metadata")?;
    let names: BTreeMap<&str, &str> = metadata
        .packages
        .iter()
        .map(|package| (package.id.as_str(), package.name.as_str()))
        .collect();
    let name = |id: &String| names.get(id.as_str()).map(|name| (*name).to_owned());
    let mut graph = Graph {
        ours: metadata.workspace_members.iter().filter_map(name).collect(),
        ..Graph::default()
    };
    for node in &metadata.resolve.nodes {
        let Some(from) = name(&node.id) else { continue };
        // Two versions of one package share an entry: for reachability that is on the safe side.
        graph
            .depends_on
            .entry(from)
            .or_default()
            .extend(node.dependencies.iter().filter_map(name));
    }
    Ok(graph)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(arrows: &[(&str, &str)], ours: &[&str]) -> Graph {
        let mut graph = Graph {
            ours: ours.iter().map(ToString::to_string).collect(),
            ..Graph::default()
        };
        for (from, to) in arrows {
            graph
                .depends_on
                .entry((*from).to_owned())
                .or_default()
                .insert((*to).to_owned());
        }
        graph
    }

    #[test]
    fn each_broken_arrow_is_named() {
        for (arrows, ours, said) in [
            (
                vec![("scarce-io", "scarce-image")],
                vec!["scarce-io", "scarce-image"],
                None,
            ),
            (
                vec![("scarce-mim", "scarce-image")],
                vec!["scarce-mim", "scarce-image"],
                None,
            ),
            (
                vec![("scarce-io", "scarce-mask")],
                vec!["scarce-io", "scarce-mask"],
                Some("scarce-io -> scarce-mask is no arrow"),
            ),
            (
                vec![("scarce-mim", "scarce-corn")],
                vec!["scarce-mim", "scarce-corn"],
                Some("scarce-mim -> scarce-corn is no arrow"),
            ),
            (
                vec![("xtask", "scarce-image")],
                vec!["xtask", "scarce-image"],
                Some("may know none of our crates"),
            ),
            (
                vec![
                    ("scarce-mask", "helper"),
                    ("helper", "tch"),
                    ("tch", "torch-sys"),
                ],
                vec!["scarce-mask"],
                Some(
                    "scarce-mask must not reach torch-sys: scarce-mask -> helper -> tch -> torch-sys",
                ),
            ),
            (
                vec![("scarce-train", "tch"), ("tch", "torch-sys")],
                vec!["scarce-train"],
                None,
            ),
            (
                vec![],
                vec!["scarce-new"],
                Some("scarce-new is not in the design"),
            ),
        ] {
            let found = offences(&graph(&arrows, &ours));
            match said {
                None => assert!(found.is_empty(), "{found:?}"),
                Some(said) => {
                    assert_eq!(found.len(), 1, "{found:?}");
                    assert!(found[0].contains(said), "{found:?}");
                }
            }
        }
    }
}
