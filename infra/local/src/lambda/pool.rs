//! The environments of one function: started on demand, kept when idle, bounded in number.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::{
    EnvironmentSettings, FunctionLog, InvokeError, Outcome,
    environment::{Ended, Environment, Killer, NotReady},
};

/// Lambda's largest payload of a synchronous invocation, with its allowance for headers; HTTP API bodies of 10 MB do not fit.
const PAYLOAD_BYTES_MAX: usize = 6 * 1024 * 1024 + 100;
/// Invocations that may wait for a free environment of one function. On AWS there would be more environments instead.
const WAITING_MAX: usize = 10_000;
/// An event that met only dying processes is answered with an error after this many.
const UNDELIVERED_MAX: usize = 3;
/// Pause before a process is started again after failed starts: doubled each time up to the maximum.
const BACKOFF_FIRST: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(5);
/// After its answer a process asks for the next event at once. The caller's answer waits this long for it, the process is
/// given up after the second time.
const READY_SOON: Duration = Duration::from_millis(250);
const READY_AT_LAST: Duration = Duration::from_secs(10);
/// Beyond the time-out of its invocation, a process gets this long before the stack stops waiting for it.
const STOP_GRACE: Duration = Duration::from_secs(15);

/// How a function is run.
#[derive(Debug, Clone)]
pub struct PoolSettings {
    /// Logical id.
    pub id: String,
    /// Physical name.
    pub name: String,
    /// ARN.
    pub arn: String,
    /// Environments at a time at most.
    pub concurrency: usize,
    /// Whether an invocation beyond that is refused (reserved concurrency) rather than queued (the local cap).
    pub throttles: bool,
    /// Retries of asynchronous invocations.
    pub async_retries: u32,
    /// What its processes are started with.
    pub environment: EnvironmentSettings,
}

/// One function and its environments.
#[derive(Debug)]
pub struct FunctionPool {
    settings: PoolSettings,
    environment: Arc<EnvironmentSettings>,
    log: FunctionLog,
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<Environment>>,
    killers: Mutex<BTreeMap<u64, Killer>>,
    started: AtomicU64,
    failed_starts: AtomicUsize,
    waiting: AtomicUsize,
    running: AtomicUsize,
    begun: AtomicU64,
    stopping: AtomicBool,
}

impl FunctionPool {
    /// A pool without a process; the first invocation starts one.
    #[must_use]
    pub fn new(settings: PoolSettings, log: FunctionLog) -> Self {
        let environment = Arc::new(settings.environment.clone());
        let permits = Arc::new(Semaphore::new(settings.concurrency));
        Self {
            settings,
            environment,
            log,
            permits,
            idle: Mutex::default(),
            killers: Mutex::default(),
            started: AtomicU64::new(0),
            failed_starts: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            running: AtomicUsize::new(0),
            begun: AtomicU64::new(0),
            stopping: AtomicBool::new(false),
        }
    }

    /// How the function is run.
    #[must_use]
    pub fn settings(&self) -> &PoolSettings {
        &self.settings
    }

    /// The function's log.
    #[must_use]
    pub fn log(&self) -> &FunctionLog {
        &self.log
    }

    /// Invocations that run or wait now.
    #[must_use]
    pub fn running(&self) -> usize {
        self.running.load(Ordering::SeqCst)
    }

    /// Invocations begun so far.
    #[must_use]
    pub fn begun(&self) -> u64 {
        self.begun.load(Ordering::SeqCst)
    }

    /// Processes started so far.
    #[must_use]
    pub fn started(&self) -> u64 {
        self.started.load(Ordering::SeqCst)
    }

    /// Invokes the function and waits for its answer. The invocation goes on when the caller stops waiting.
    ///
    /// # Errors
    /// When the event never reaches the function; what the function itself does wrong is an [`Outcome`].
    pub async fn invoke(self: &Arc<Self>, payload: Bytes) -> Result<Outcome, InvokeError> {
        let function = || self.settings.name.clone();
        if payload.len() > PAYLOAD_BYTES_MAX {
            return Err(InvokeError::TooLarge {
                function: function(),
                size: payload.len(),
                limit: PAYLOAD_BYTES_MAX,
            });
        }
        if self.stopping.load(Ordering::SeqCst) {
            return Err(InvokeError::Stopping { function: function() });
        }
        self.begun.fetch_add(1, Ordering::SeqCst);
        let counted = Counted::new(Arc::clone(self));
        let pool = Arc::clone(self);
        let (answer, answered) = oneshot::channel();
        tokio::spawn(async move { pool.run(payload, answer, counted).await });
        answered
            .await
            .unwrap_or_else(|_| Err(InvokeError::Stopping { function: function() }))
    }

    async fn run(
        self: Arc<Self>,
        payload: Bytes,
        answer: oneshot::Sender<Result<Outcome, InvokeError>>,
        counted: Counted,
    ) {
        let permit = match self.permit().await {
            Ok(permit) => permit,
            Err(error) => {
                drop(counted);
                let _ = answer.send(Err(error));
                return;
            }
        };
        let (result, environment) = self.run_in_environment(payload).await;
        // A caller that invokes again at once finds this process idle instead of starting another one.
        let slow = match environment {
            Some(environment) => self.put_back(environment, READY_SOON).await,
            None => None,
        };
        let held = slow.map(|environment| (environment, permit));
        drop(counted);
        // Nobody may be waiting any more; the work is done all the same.
        let _ = answer.send(result);
        if let Some((environment, permit)) = held {
            if let Some(stuck) = self.put_back(environment, READY_AT_LAST).await {
                stuck.end().await;
            }
            drop(permit);
        }
    }

    async fn permit(&self) -> Result<OwnedSemaphorePermit, InvokeError> {
        let function = || self.settings.name.clone();
        let permits = Arc::clone(&self.permits);
        if let Ok(permit) = Arc::clone(&permits).try_acquire_owned() {
            return Ok(permit);
        }
        if self.settings.throttles {
            return Err(InvokeError::Throttled {
                function: function(),
                limit: self.settings.concurrency,
            });
        }
        if self.waiting.fetch_add(1, Ordering::SeqCst) >= WAITING_MAX {
            self.waiting.fetch_sub(1, Ordering::SeqCst);
            return Err(InvokeError::Crowded {
                function: function(),
                limit: WAITING_MAX,
            });
        }
        let permit = permits.acquire_owned().await;
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        permit.map_err(|_| InvokeError::Stopping { function: function() })
    }

    async fn run_in_environment(&self, payload: Bytes) -> (Result<Outcome, InvokeError>, Option<Environment>) {
        for _ in 0..UNDELIVERED_MAX {
            let mut environment = match self.environment().await {
                Ok(environment) => environment,
                Err(NotReady::NoProcess(error)) => return (Err(error), None),
                Err(NotReady::InitFailed(outcome)) => return (Ok(outcome), None),
            };
            match environment.invoke(payload.clone()).await {
                Ended::With(outcome) => {
                    let kept = environment.is_alive().then_some(environment);
                    return (Ok(outcome), kept);
                }
                Ended::BeforeDelivery => {}
            }
        }
        let message = "every process ended before it took the event";
        (Ok(Outcome::platform("Runtime.ExitError", message)), None)
    }

    async fn environment(&self) -> Result<Environment, NotReady> {
        loop {
            let kept = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            match kept {
                Some(environment) if environment.is_alive() => return Ok(environment),
                Some(_) => {}
                None => break,
            }
        }
        let failures = self.failed_starts.load(Ordering::SeqCst);
        if failures > 0 {
            let doubled = BACKOFF_FIRST.saturating_mul(1 << failures.min(10));
            tokio::time::sleep(doubled.min(BACKOFF_MAX)).await;
        }
        let number = self.started.fetch_add(1, Ordering::SeqCst);
        match Environment::start(Arc::clone(&self.environment), self.log.clone()).await {
            Ok(environment) => {
                self.failed_starts.store(0, Ordering::SeqCst);
                let mut killers = self.killers.lock().unwrap_or_else(PoisonError::into_inner);
                killers.retain(|_, killer| killer.is_used());
                killers.insert(number, environment.killer());
                Ok(environment)
            }
            Err(not_ready) => {
                self.failed_starts.fetch_add(1, Ordering::SeqCst);
                Err(not_ready)
            }
        }
    }

    /// Makes a process idle again once it asks for its next event; gives it back when it does not in time.
    async fn put_back(&self, mut environment: Environment, within: Duration) -> Option<Environment> {
        if !environment.ready_again(within).await {
            return Some(environment);
        }
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(environment);
        None
    }

    /// Kills every process of the function at once, in the middle of whatever it does.
    pub fn kill(&self) {
        let killers = std::mem::take(&mut *self.killers.lock().unwrap_or_else(PoisonError::into_inner));
        for killer in killers.values() {
            killer.kill();
        }
    }

    /// Refuses new invocations, waits for the running ones and ends the processes.
    pub async fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        let all = u32::try_from(self.settings.concurrency).unwrap_or(u32::MAX);
        let bound = self.environment.timeout + STOP_GRACE;
        if tokio::time::timeout(bound, self.permits.acquire_many(all))
            .await
            .is_err()
        {
            tracing::warn!(function = %self.settings.name, "an invocation did not end; its process is killed");
        }
        self.permits.close();
        let idle = std::mem::take(&mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner));
        self.kill();
        for environment in idle {
            environment.end().await;
        }
    }
}

/// Counts an invocation as running for as long as it lives.
struct Counted(Arc<FunctionPool>);

impl Counted {
    fn new(pool: Arc<FunctionPool>) -> Self {
        pool.running.fetch_add(1, Ordering::SeqCst);
        Self(pool)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}
