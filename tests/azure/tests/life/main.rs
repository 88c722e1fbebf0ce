//! The project's whole life under the real azd, against the scripted Azure: every hook runs as it is, and of what goes to
//! Azure nothing but `func`, `npx`, `az` and the compiler's driver is stood in for.
//!
//! Without azd, the Bicep compiler, Node and a package (`cargo xtask package`) these tests pass without a look;
//! `cargo xtask test` says so.

#![expect(clippy::format_collect, reason = "short texts")]
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

mod chain;
mod checks;
mod copy;
mod faults;
mod pipeline;
mod rehearsal;
mod terminal;
mod unattended;
mod without_cargo;
