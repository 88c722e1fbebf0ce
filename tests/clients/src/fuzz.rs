//! Requests made from the schema in `docs/openapi.json`, good and bad, against the program: every answer has the status, the
//! type and the shape that the schema says, none is a 500, none hangs, and none stays open upstream.

use std::path::Path;

use tokio::process::Command;

use crate::program::Program;
use crate::script::Script;

/// What is looked at in every answer. `not_a_server_error` is `status_code_conformance` here: the 5xx that an upstream causes
/// are in the schema, a 500 is not, and this upstream causes none.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,\
                      unsupported_method,negative_data_rejection";

/// Runs schemathesis, a Python program.
pub(crate) async fn run(program: &Path, schemathesis: &Path) -> Result<(), String> {
    let script = Script::start().await;
    let program = Program::start(program, script.address()).await?;
    let base = program.base();
    let mut command = Command::new(schemathesis);
    command.arg("run").arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json"));
    command.args(["--url", base.trim_end_matches("/v1"), "--checks", CHECKS, "--phases", "examples,coverage,fuzzing"]);
    command.args(["--max-examples", "60", "--generation-deterministic"]);
    command.args([
        "--request-timeout",
        "20",
        "--warnings",
        "off",
        "--no-color",
        "--continue-on-failure",
        "--no-shrink",
    ]);
    command.args(["--header", "Authorization:Bearer dummy"]);
    let status = command.status().await.map_err(|error| format!("{}: {error}", schemathesis.display()))?;
    if !status.success() {
        return Err(format!("the schema does not hold: schemathesis: {status}"));
    }
    if script.is_quiet().await { Ok(()) } else { Err("answers are still open upstream".to_owned()) }
}
