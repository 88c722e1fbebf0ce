//! Integration tests: through the stand-in host and the real binary.

fn main() {}
