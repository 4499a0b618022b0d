//! A schedule: waits for its next time and invokes the function asynchronously.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;

use super::{Gate, cron::Expression};
use crate::{
    lambda::{FunctionPool, invoke_api::AsyncInvoker},
    template::ScheduleSource,
};

/// The clock is looked at again at least this often, in case it was changed or the machine slept.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// One schedule.
#[derive(Debug)]
pub(super) struct Schedule {
    name: String,
    expression: Expression,
    enabled: bool,
    payload: Bytes,
    function: Arc<FunctionPool>,
    asynchronous: AsyncInvoker,
}

impl Schedule {
    pub(super) fn new(
        source: &ScheduleSource,
        name: &str,
        function: Arc<FunctionPool>,
        asynchronous: AsyncInvoker,
    ) -> Result<Self, String> {
        Ok(Self {
            name: name.to_owned(),
            expression: Expression::parse(&source.expression, &source.time_zone)?,
            enabled: source.enabled,
            payload: Bytes::from(source.input.clone().unwrap_or_else(|| "{}".to_owned())),
            function,
            asynchronous,
        })
    }

    /// Fires at its times until the gate closes. A time that passed while the stack was down or paused is not made up for.
    pub(super) async fn run(&self, gate: Gate) {
        if !self.enabled {
            return;
        }
        let start = runtime::now();
        let mut after = start;
        while let Some(next) = self.expression.next(start, after) {
            loop {
                let left = (next - runtime::now()).to_std().unwrap_or_default();
                if left.is_zero() {
                    break;
                }
                tokio::select! {
                    () = tokio::time::sleep(left.min(WAIT_MAX)) => {}
                    () = gate.closed() => {
                        if !gate.open().await {
                            return;
                        }
                    }
                }
            }
            self.fire();
            after = next.max(runtime::now());
        }
    }

    /// Fires now. `false` when too many events are waiting.
    pub(super) fn fire(&self) -> bool {
        let accepted = self
            .asynchronous
            .accept(Arc::clone(&self.function), self.payload.clone());
        if !accepted {
            tracing::error!(schedule = %self.name, "a schedule fired and its event was not accepted: too many are waiting");
        }
        accepted
    }
}
