//! The model's side: where it is, how it is asked, and again, until an answer begins.
//!
//! In: a conversation. Out: the body of an answer that has begun, or a [`ChatError`](crate::error::ChatError). Nothing
//! here knows what the bytes of an answer mean, or who reads it.

mod accept;
mod retry;
pub mod upstream;
