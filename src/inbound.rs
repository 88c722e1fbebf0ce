//! What comes in, and who may: sockets, their clocks, access, slots, and the request's bytes as a conversation that
//! cannot be wrong.
//!
//! In: connections. Out: an admitted caller's [`Conversation`](conversation::Conversation) and the place it holds, or
//! a [`ChatError`](crate::error::ChatError). Nothing here knows that there is a model.

pub mod access;
pub(crate) mod body;
mod connection;
pub(crate) mod content;
pub mod conversation;
pub mod ebb;
mod image;
pub mod request;
pub(crate) mod request_id;
pub mod room;
pub mod serve;
pub mod slots;
pub(crate) mod verdict;
