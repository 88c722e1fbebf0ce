//! The project's whole life under the real azd, against the scripted Azure: every hook runs as it is, and of what goes to
//! Azure nothing but `func`, `npx`, `az` and the compiler's driver is stood in for.
//!
//! # What holds, and where it is looked at
//! 1. What comes before what, up and down: `checks::deployed`, `unattended`.
//! 2. `.env` holds the outputs in their own case, and nothing that would come back as an input: `checks::deployed`.
//! 3. Parameters have their types, choices that nobody made are absent, nothing is secret: `checks::deployed`.
//! 4. `func` and `npx` get exactly this, the package and the page with its addresses and policy: `checks::deployed`.
//! 5. No secret in anything printed, logged or kept, and the checkout is as it was: `checks::nothing_leaks`, in every life.
//! 6. A second `azd up` deploys no infrastructure and does the rest again; `--no-state` changes nothing: `unattended`.
//! 7. `show`, `env get-value`, and that `deploy` asks for no more than it needs: `unattended`.
//! 8. `down` leaves nothing, a second one is harmless, and `up` works from nothing again: `unattended`.
//! 9. `down` refuses what it must not delete, and leaves what is not this deployment's: `faults::existing`, `pipeline`; after
//!    a first run that failed it takes all: `faults`.
//! 10. Each fault: exit status, the words that people search for, nothing half written, the cure: `faults` and below it.
//! 11. No unknown route and no foreign host: `checks::no_surprise`, in every life; somebody else's sign-in: `faults`.
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
