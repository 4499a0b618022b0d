//! The HTTP edge: what stands between an API Gateway event and the rules.
//!
//! | module | what |
//! |---|---|
//! | [`request`], [`response`] | the event as a request, the answer as a response |
//! | [`caller`] | who calls, with which scopes, for which locations |
//! | [`problem`] | RFC 9457 problems with their stable codes |
//! | [`findings`] | everything wrong with a body, collected |
//! | [`goods`] | the goods of a basket by VAT rate and product group |
//! | [`routes`] | every route with its scope and function |
//! | [`intake`] | a new party is read and stored once |
//! | [`guard`] | the defence against guessing |
//! | [`page`] | opaque paging tokens |
//! | [`client_token`] | names of calls that can be repeated |
//! | [`api`] | the bodies of requests and answers |
//! | `openapi` | the OpenAPI document of all of it, with the feature of this name |

pub mod api;
pub mod caller;
pub mod client_token;
pub mod findings;
pub mod goods;
pub mod guard;
pub mod intake;
pub mod lettershop;
#[cfg(feature = "openapi")]
pub mod openapi;
pub mod page;
pub mod problem;
pub mod request;
pub mod response;
pub mod routes;
pub mod runs;

pub use caller::{Caller, Scope};
pub use findings::Findings;
pub use problem::{Code, Problem};
pub use request::Request;
pub use response::Response;
