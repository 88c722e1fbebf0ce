//! Integration tests: the real binary behind the stand-in Functions host, with a scripted upstream behind it.
//!
//! Each module is one promise of the program. What is true of every answer is checked in one place, `support::client`.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

mod access;
mod disconnect;
mod errors;
mod files;
mod identity;
mod local;
mod original_client;
mod requests;
mod streaming;
mod support;
mod upstream_routes;
mod vectors;
mod wire_docs;
