//! The guard: what must not grow unseen, and does not depend on the machine.

use std::path::Path;

use crate::arguments::Arguments;
use crate::limits::MAX_BINARY;
use crate::process::Cpus;
use crate::{allocations, calls, connections, given_back, held, instructions, tls};

/// What was found; the guard ends well if nothing is over its limit.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    over: u32,
    skipped: u32,
}

impl Findings {
    /// Compares a number with its limit, and tells both.
    pub(crate) fn at_most(&mut self, what: &str, measured: f64, limit: f64) {
        let good = measured <= limit;
        println!("{} {what}: {measured:.3} (limit {limit:.3})", if good { "    ok" } else { "  OVER" });
        self.over += u32::from(!good);
    }

    /// Something else that is wrong.
    pub(crate) fn wrong(&mut self, what: &str) {
        println!("  OVER {what}");
        self.over += 1;
    }

    /// A check that cannot be made here; where `CI` is set, that is wrong.
    pub(crate) fn skipped(&mut self, what: &str) {
        if is_ci() {
            return self.wrong(&format!("{what}; where CI is set, no promised check is skipped"));
        }
        println!("skipped: {what}");
        self.skipped += 1;
    }
}

/// Whether a machine runs this and nobody watches.
pub(crate) fn is_ci() -> bool {
    #[expect(clippy::disallowed_methods, reason = "who runs the checks is no setting of the program")]
    std::env::var("CI").is_ok_and(|said| !matches!(said.as_str(), "" | "0" | "false"))
}

/// Makes all checks.
///
/// # Errors
/// Anything is over its limit.
pub(crate) async fn guard(arguments: &Arguments, cpus: Option<Cpus>) -> Result<(), String> {
    let micro = arguments.micro.as_deref().ok_or("the guard needs --micro")?;
    if arguments.bless {
        return instructions::bless(micro, &arguments.folder);
    }
    let mut findings = Findings::default();
    binary(&mut findings, &arguments.program)?;
    allocations::check(&mut findings, micro)?;
    held::check(&mut findings, micro)?;
    instructions::check(&mut findings, micro, &arguments.folder)?;
    calls::check(&mut findings, &arguments.program, &arguments.folder, cpus).await?;
    connections::check(&mut findings, &arguments.program, &arguments.folder, cpus).await?;
    given_back::check(&mut findings, &arguments.program, &arguments.folder, cpus).await?;
    tls::check(&mut findings, &arguments.program, &arguments.folder, cpus).await?;
    let Findings { over, skipped } = findings;
    let skipped = if skipped == 0 { String::new() } else { format!("; {skipped} skipped, see above") };
    if over > 0 {
        return Err(format!("{over} over their limits (tests/bench/src/limits.rs){skipped}"));
    }
    println!("Nothing is over its limit{skipped}.");
    Ok(())
}

fn binary(findings: &mut Findings, program: &Path) -> Result<(), String> {
    let bytes = std::fs::metadata(program).map_err(|error| format!("{}: {error}", program.display()))?.len();
    #[expect(clippy::cast_precision_loss, reason = "the size of a file")]
    findings.at_most("stripped binary, MB", bytes as f64 / 1e6, MAX_BINARY as f64 / 1e6);
    Ok(())
}
