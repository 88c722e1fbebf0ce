//! The same clients against the program as people first meet it: on its own demo model.

use std::path::Path;

use crate::client::{Client, Tools, Way};
use crate::program::Program;
use crate::seen::{Column, raises};

/// The demo's models.
const THOROUGH: &str = "thorough";
pub(crate) const QUICK: &str = "quick";
/// How its answer to a greeting begins, to "hi" and to "Say hi"; some clients show the beginning alone.
const TEXTS: [&str; 2] = ["Hello!", "A demo answers"];
/// What it thinks of "hi".
const THOUGHT: &str = "That is a greeting";

/// What a client does not make of the demo model: its models, an answer as it comes and in one piece, thoughts where the client
/// shows any.
pub(crate) async fn faults(client: &'static Client, tools: &Tools, binary: &Path) -> Vec<String> {
    let program = match Program::demo(binary).await {
        Ok(program) => program,
        Err(fault) => return vec![format!("the demo: {fault}")],
    };
    let mut faults = Vec::new();
    for way in [Way::Models, Way::Stream, Way::Whole] {
        // The quick one thinks as well.
        let Some(said) = client.ask(tools, &program.base(), way, &[QUICK]).await else { continue };
        let said = said.join(" ");
        let text = TEXTS.into_iter().find(|text| said.contains(text)).unwrap_or(TEXTS[0]);
        let expected = if way == Way::Models { vec![THOROUGH, QUICK] } else { vec![text] };
        // In one piece not every driver shows them.
        let thinks = way == Way::Stream && !client.does_otherwise(Column::Thoughts);
        let lacks: Vec<&str> =
            expected.into_iter().chain(thinks.then_some(THOUGHT)).filter(|text| !said.contains(text)).collect();
        if raises(&said) || !lacks.is_empty() {
            let said: String = said.chars().take(600).collect();
            faults.push(format!("{}, the demo, {way:?}: lacks {lacks:?}; it said: {said}", client.name));
        }
    }
    faults
}
