//! The stand-ins, tried out: a host in front of a handler that does what each test says, and the scripted servers.
//!
//! Where a test has to see that something does *not* happen it waits [`NOT_YET`]; all other waits end with the event.

#![expect(clippy::unwrap_used, clippy::panic, reason = "test helpers fail the test")]

mod client;
mod host_answers;
mod host_front;
mod host_process;
mod identity;
mod staged;
mod upstream;

use std::time::Duration;

/// Long enough for what should not happen to happen, if it were to.
const NOT_YET: Duration = Duration::from_millis(120);

/// The time in which everything that should happen does.
const SOON: Duration = Duration::from_secs(8);
