//! The local run of `template.yaml`: embedded AWS endpoints, and the machinery that runs the declared functions against them.

pub mod aws;
pub mod gateway;
pub mod lambda;
pub mod provision;
pub mod template;
