//! The local stack through its public boundaries: HTTP, Lambda Invoke, queues, the table stream and buckets.

mod events;
mod gateway;
mod lambda;
mod lifecycle;
mod support;
mod template;
