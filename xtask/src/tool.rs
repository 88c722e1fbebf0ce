//! Finds the programs that the commands need.

pub(crate) use judges::tool;
