//! The crates of this repository know each other only along the design's arrows.

use xtask::arrows;
use xtask::workspace::Workspace;

#[test]
fn the_workspace_follows_the_design() {
    let graph = arrows::resolve(&Workspace::find()).unwrap();
    assert!(graph.ours.len() > 10, "cargo names only {:?}", graph.ours);
    let offences = arrows::offences(&graph);
    assert!(offences.is_empty(), "\n{}\n", offences.join("\n"));
}
