//! The local run of `template.yaml`: embedded AWS endpoints, and the machinery that runs the declared functions against them.

pub mod aws;
pub mod build;
pub mod cli;
pub mod gateway;
pub mod lambda;
pub mod oidc;
pub mod operations;
pub mod pollers;
pub mod progress;
pub mod provision;
pub mod stack;
pub mod template;
