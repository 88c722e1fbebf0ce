//! The events that the benchmark sends, for the micro-benchmarks to read as well.

pub mod dialect;
pub mod event;
