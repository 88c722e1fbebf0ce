//! What the tests share.

pub(crate) mod app;
pub(crate) mod client;
pub(crate) mod envelope;
pub(crate) mod infra;
pub(crate) mod kql;
pub(crate) mod responses;
pub(crate) mod shared;
pub(crate) mod tables;
