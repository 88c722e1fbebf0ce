//! Azure as azd sees it, on this machine: Entra and Resource Manager behind TLS that the run makes for itself.
//!
//! azd knows Azure's addresses by heart, so a proxy on loopback is put before it (`HTTPS_PROXY`), which ends TLS for
//! those addresses and no others. A deployment is evaluated by the real Bicep compiler, over the template that azd sends.
//! A route that is not known is answered 501 and noted, so that a newer azd shows at once what it asks anew.
//!
//! # Layout, in reading order
//! - [`Azure`]: the running whole. [`place`]: the folder and the environment in which azd meets it. [`tools`]: where azd
//!   and the compiler are. [`compiler`]: asks it once for each text, for the tests.
//! - `proxy`, `authority`: sockets and certificates. `door`: what the project's own stand-ins for programs ask.
//! - `entra`, `tokens`: sign-in. `arm` and below it: Resource Manager, route by route.
//! - `deploy`, `snapshot`, `nested`, `expression`, `invent`: one deployment.
//! - `sites`, `model`, `insights`, [`served`]: what was deployed, and answering. `programs`: what `func`, `npx` and `az` do to the world.
//! - [`state`], [`Fault`], [`log`]: what is there, what goes wrong, what was asked.
//!
//! What it does not know: how long things take, what a real `func` or `az` asks, what Azure refuses for reasons of its own.

#![expect(clippy::indexing_slicing, reason = "a JSON value that is absent is null, and no panic")]
#![expect(clippy::format_push_string, reason = "short texts")]

mod arm;
mod authority;
pub mod compiler;
mod deploy;
mod door;
mod entra;
mod expression;
mod fault;
mod insights;
mod invent;
pub mod log;
mod model;
mod nested;
pub mod place;
mod programs;
mod proxy;
mod reply;
pub mod served;
mod sites;
mod snapshot;
pub mod state;
mod time;
mod tokens;
pub mod tools;
mod world;

pub use fault::Fault;
pub use world::{Azure, Options};

/// The one tenant.
pub const TENANT: &str = "11111111-1111-1111-1111-111111111111";
/// The one subscription.
pub const SUBSCRIPTION: &str = "22222222-2222-2222-2222-222222222222";
/// Entra's host.
pub const LOGIN: &str = "login.microsoftonline.com";
/// The portal's host, which nobody asks here: azd sends a browser there.
pub const PORTAL: &str = "portal.azure.com";
/// Resource Manager's host.
pub const ARM: &str = "management.azure.com";
