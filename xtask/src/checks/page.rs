//! What of the page and its tests nobody uses, found by knip: files, exports, dependencies.

use std::process::Command;

use crate::steps::{Outcome, step};
use crate::{skips, web};

/// From npm's registry, and apart from the page's own packages: nobody who builds the page needs it.
const KNIP: &str = "knip@6.44.2";

/// Reads `web/knip.json`. The page's packages have to be installed.
pub(crate) fn dead_code() -> Outcome {
    if let Some(reason) = web::no_node() {
        return skips::promised(&format!("the page's dead code ({reason})"));
    }
    let home = super::npm_tool("knip", KNIP)?;
    let knip = format!("{home}/node_modules/knip/bin/knip.js");
    step(Command::new("node").arg(knip).args(["--directory", "web", "--no-progress", "--treat-config-hints-as-errors"]))
}
