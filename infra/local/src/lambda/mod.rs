//! Lambda functions as processes of their own, over the real Lambda Runtime API.
//!
//! A [`FunctionPool`] runs one function: execution environments are started on demand up to the function's concurrency, kept
//! when idle, killed when an invocation exceeds its time-out, and replaced when they crash. Each environment has its own
//! Runtime API endpoint, as on AWS. [`Functions`] is all of them; [`invoke_api`] is the Lambda Invoke endpoint in front.

mod environment;
pub mod invoke_api;
mod logs;
mod outcome;
mod pool;
mod runtime_api;

use std::{collections::BTreeMap, sync::Arc};

pub use environment::EnvironmentSettings;
pub use logs::FunctionLog;
pub use outcome::{InvokeError, Outcome};
pub use pool::{FunctionPool, PoolSettings};

/// All functions of a stack, by logical id.
#[derive(Debug, Clone, Default)]
pub struct Functions {
    pools: BTreeMap<String, Arc<FunctionPool>>,
}

impl Functions {
    /// Puts the pools of a stack together.
    #[must_use]
    pub fn new(pools: Vec<FunctionPool>) -> Self {
        let by_id = |pool: FunctionPool| (pool.settings().id.clone(), Arc::new(pool));
        Self {
            pools: pools.into_iter().map(by_id).collect(),
        }
    }

    /// The function with this logical id, physical name or ARN.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<FunctionPool>> {
        let matches = |pool: &&Arc<FunctionPool>| pool.settings().name == name || pool.settings().arn == name;
        self.pools.get(name).or_else(|| self.pools.values().find(matches))
    }

    /// All functions, in the order of their logical ids.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<FunctionPool>> {
        self.pools.values()
    }

    /// Invocations that run or wait now.
    #[must_use]
    pub fn running(&self) -> usize {
        self.pools.values().map(|pool| pool.running()).sum()
    }

    /// Invocations begun since the start; it changes whenever something happens.
    #[must_use]
    pub fn begun(&self) -> u64 {
        self.pools.values().map(|pool| pool.begun()).sum()
    }

    /// Waits for running invocations, then ends every process.
    pub async fn stop(&self) {
        for pool in self.pools.values() {
            pool.stop().await;
        }
    }
}
