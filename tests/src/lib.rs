//! A world to try the system in: the real handlers, a table and queues of its own, and a network that doubles, delays,
//! reorders and loses.
//!
//! | module | what |
//! |---|---|
//! | [`place`] | a table, queues and a bucket: in this process, or on the emulator that `AWS_ENDPOINT_URL` names |
//! | [`world`] | a place, keys, a clock, and calls to the handlers as the platform makes them |
//! | [`delivery`] | the stream and the queues, delivered as badly as the platform is allowed to |
//! | [`plan`] | plans that crash, throttle, conflict and time out at call sites |
//! | [`books`] | what must be true of the table at rest |
//! | [`till`] | what tills send |
//! | [`running`] | the whole of `template.yaml`, started, with its function processes |
//! | [`shared`] | one started stack for the tests of a file |
//! | [`client`] | callers of its HTTP API |
//! | [`story`] | two days that come to every call site |

pub mod books;
pub mod client;
pub mod delivery;
pub mod letters;
pub mod place;
pub mod plan;
pub mod running;
pub mod shared;
pub mod story;
pub mod till;
pub mod told;
pub mod traces;
pub mod world;
