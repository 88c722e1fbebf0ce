//! Integration tests: the real binary behind the stand-in Functions host, with a scripted upstream behind it.
//!
//! Each module is one promise of the program. What is true of every answer is checked in one place, `support::client`.

#![expect(clippy::format_collect, reason = "short texts in tests")]
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

mod access;
mod azd;
mod client_faults;
mod columns;
mod connections;
mod costs;
mod deployments;
mod developer_sign_in;
mod disconnect;
mod errors;
mod failover;
mod feedback;
mod files;
mod heartbeats;
mod identity;
mod identity_faults;
mod images;
mod infra;
mod inputs;
mod large_bodies;
mod leaks;
mod local;
mod models;
mod openai;
mod operating_docs;
mod original_client;
mod packaged;
mod process_faults;
mod properties;
mod proxy;
mod queries;
mod recordings;
mod refusals;
mod released;
mod repository;
mod requests;
mod responses_faults;
mod responses_vectors;
mod streaming;
mod support;
mod telemetry;
mod upstream_faults;
mod upstream_routes;
mod vectors;
mod wire_docs;
