//! How an answer goes out: what stands around the choice lines, and what a failure looks like.
//!
//! In: choice lines and the turn's own events (it starts, it waits, it ends). Out: bytes. Nothing here knows where an
//! answer comes from.

pub(crate) mod lines;
#[cfg_attr(not(test), expect(dead_code, reason = "the routes come next"))]
pub mod openai;
