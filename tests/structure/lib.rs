// SPDX-License-Identifier: GPL-2.0

//! Imports between the modules of a crate, and circles of them.
//!
//! A module and those below it are one to all others: of `a::x`, which uses `b::y`, the
//! import is from `a` to `b`. What a module uses of one above it is no import, but for the
//! crate's root: that declares all others, and has nothing that they need.

mod imports;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use petgraph::algo::tarjan_scc;
use petgraph::graphmap::DiGraphMap;

use crate::imports::{Crate, Name};

/// Returns the circles of the crate whose root is the file at `root`, a line each.
///
/// # Errors
///
/// A file that cannot be read, or is not Rust.
pub fn circles(root: &Path) -> Result<Vec<String>> {
    let parsed = Crate::parse(root)?;
    let mut items: BTreeMap<(Name, Name), Vec<String>> = BTreeMap::new();
    let mut circles = Vec::new();
    for (user, used, item) in parsed.imports() {
        if used.is_empty() {
            let user = user.join("::");
            circles.push(format!("{user} uses {item} of the root, which declares it"));
            continue;
        }
        let common = user.iter().zip(&used).take_while(|(a, b)| a == b).count();
        if common < user.len() && common < used.len() {
            let pair = (user[..=common].to_vec(), used[..=common].to_vec());
            items.entry(pair).or_default().push(item);
        }
    }
    let mut graph = DiGraphMap::<&Name, ()>::new();
    for (user, used) in items.keys() {
        graph.add_edge(user, used, ());
    }
    for part in tarjan_scc(&graph).iter().filter(|part| part.len() > 1) {
        let within = |(user, used): &(Name, Name)| part.contains(&user) && part.contains(&used);
        let imports = items.iter().filter(|(pair, _)| within(pair));
        let imports = imports.map(|((user, used), items)| {
            format!(
                "{} uses {} of {}",
                user.join("::"),
                items.join(", "),
                used.join("::")
            )
        });
        circles.push(imports.collect::<Vec<_>>().join("; "));
    }
    circles.sort();
    circles.dedup();
    Ok(circles)
}
