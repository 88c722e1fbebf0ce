//! What is told of a turn, to those who run the program: a line of the log, a span, metrics. Never what was said.
//!
//! In: what is known of a turn when it ends. Sending to Application Insights is apart from what is told: it needs a
//! token, and nothing needs it.

pub mod hints;
pub mod log;
pub mod record;
pub mod telemetry;
