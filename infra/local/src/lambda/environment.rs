//! One execution environment: a process and its Runtime API endpoint.

use std::{
    path::PathBuf,
    process::Stdio,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use tokio::{
    process::Command,
    sync::{Notify, watch},
    time::timeout,
};

use super::{
    FunctionLog, InvokeError, Outcome,
    runtime_api::{Invocation, RuntimeApi},
};

/// Lambda gives a function ten seconds to start.
const INIT_TIMEOUT: Duration = Duration::from_secs(10);
/// A killed process is gone within this time, or the operating system is in trouble.
const EXIT_TIMEOUT: Duration = Duration::from_secs(10);

/// What a process is started with.
#[derive(Debug, Clone)]
pub struct EnvironmentSettings {
    /// Physical name of the function.
    pub function: String,
    /// Its ARN.
    pub arn: String,
    /// The binary to run.
    pub binary: PathBuf,
    /// The complete environment; nothing is inherited.
    pub variables: Vec<(String, String)>,
    /// Time an invocation may take.
    pub timeout: Duration,
}

/// A running environment. The process is killed when this is dropped.
#[derive(Debug)]
pub(super) struct Environment {
    api: RuntimeApi,
    process: Process,
    settings: Arc<EnvironmentSettings>,
    log: FunctionLog,
    polls_seen: u64,
}

/// How an invocation in an environment ended.
pub(super) enum Ended {
    /// The function answered or failed.
    With(Outcome),
    /// The process had died before the event reached it: the event may go to another one.
    BeforeDelivery,
}

/// Why an environment did not start.
pub(super) enum NotReady {
    /// The process cannot be started at all.
    NoProcess(InvokeError),
    /// The function's initialisation failed; this is the answer to the invocation.
    InitFailed(Outcome),
}

/// A child process with its exit observed by a task of its own.
#[derive(Debug)]
struct Process {
    exit: watch::Receiver<Option<String>>,
    kill: Arc<Notify>,
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill.notify_one();
    }
}

/// Kills a process from elsewhere.
#[derive(Debug, Clone)]
pub(super) struct Killer(Arc<Notify>);

impl Killer {
    pub(super) fn kill(&self) {
        self.0.notify_one();
    }

    /// Whether the process is still there to be killed.
    pub(super) fn is_used(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }
}

impl Environment {
    /// Starts a process and waits until it asks for its first event.
    pub(super) async fn start(settings: Arc<EnvironmentSettings>, log: FunctionLog) -> Result<Self, NotReady> {
        let failed = |reason: std::io::Error| {
            NotReady::NoProcess(InvokeError::NotStarted {
                function: settings.function.clone(),
                binary: settings.binary.display().to_string(),
                reason: reason.to_string(),
            })
        };
        let api = RuntimeApi::start(&settings.arn).await.map_err(failed)?;
        let process = Process::start(&settings, &api, &log).map_err(failed)?;
        let mut environment = Self {
            api,
            process,
            settings: Arc::clone(&settings),
            log,
            polls_seen: 0,
        };
        match timeout(INIT_TIMEOUT, environment.next_poll()).await {
            Ok(Ok(())) => Ok(environment),
            Ok(Err(status)) => {
                let reported = environment.api.init_error().map(Outcome::reported);
                let exited = || Outcome::platform("Runtime.ExitError", &format!("Runtime exited with error: {status}"));
                environment.log.line(&format!("init failed: {status}"));
                Err(NotReady::InitFailed(reported.unwrap_or_else(exited)))
            }
            Err(_) => {
                environment.end().await;
                let message = format!("Init phase timed out after {} s", INIT_TIMEOUT.as_secs());
                environment.log.line(&message);
                Err(NotReady::InitFailed(Outcome::platform("Sandbox.Timedout", &message)))
            }
        }
    }

    /// A handle that kills the process from elsewhere.
    pub(super) fn killer(&self) -> Killer {
        Killer(Arc::clone(&self.process.kill))
    }

    /// Whether the process runs.
    pub(super) fn is_alive(&self) -> bool {
        self.process.exit.borrow().is_none()
    }

    /// Gives the function an event and waits for its end: answer, error, crash or time-out.
    pub(super) async fn invoke(&mut self, payload: Bytes) -> Ended {
        let request_id = uuid::Uuid::new_v4().to_string();
        let now_ms = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |now| now.as_millis());
        let deadline_ms = i64::try_from(now_ms + self.settings.timeout.as_millis()).unwrap_or(i64::MAX);
        let trace = uuid::Uuid::new_v4().simple().to_string();
        let trace_id = format!("Root=1-{:08x}-{};Sampled=0", now_ms / 1_000, &trace[..24]);
        let invocation = Invocation {
            request_id: request_id.clone(),
            deadline_ms,
            trace_id,
            payload,
        };
        let mut reply = self.api.send(invocation).await;
        let mut exit = self.process.exit.clone();

        tokio::select! {
            // An answer that arrived together with the exit counts: the function had finished.
            biased;
            answer = &mut reply => match answer {
                Ok(outcome) => Ended::With(outcome),
                Err(_) => Ended::With(Outcome::platform("Runtime.Unknown", "the environment ended without an answer")),
            },
            status = exited(&mut exit) => {
                if let Ok(outcome) = reply.try_recv() {
                    return Ended::With(outcome);
                }
                if !self.api.abandon() {
                    return Ended::BeforeDelivery;
                }
                let message = format!("RequestId: {request_id} Error: Runtime exited with error: {status}");
                self.log.line(&message);
                Ended::With(Outcome::platform("Runtime.ExitError", &message))
            }
            () = tokio::time::sleep(self.settings.timeout) => {
                self.api.abandon();
                self.end().await;
                let seconds = self.settings.timeout.as_secs();
                let message = format!("RequestId: {request_id} Error: Task timed out after {seconds}.00 seconds");
                self.log.line(&message);
                Ended::With(Outcome::platform("Sandbox.Timedout", &message))
            }
        }
    }

    /// Waits until the process asks for another event; afterwards it can be invoked again.
    pub(super) async fn ready_again(&mut self, within: Duration) -> bool {
        matches!(timeout(within, self.next_poll()).await, Ok(Ok(())))
    }

    /// Kills the process and waits until it is gone.
    pub(super) async fn end(&self) {
        self.process.kill.notify_one();
        let mut exit = self.process.exit.clone();
        if timeout(EXIT_TIMEOUT, exited(&mut exit)).await.is_err() {
            tracing::error!(function = %self.settings.function, "a killed process did not end");
        }
    }

    async fn next_poll(&mut self) -> Result<(), String> {
        let seen = self.polls_seen;
        let mut polls = self.api.polls.clone();
        let mut exit = self.process.exit.clone();
        tokio::select! {
            polled = polls.wait_for(|polls| *polls > seen) => match polled {
                Ok(_) => {
                    self.polls_seen = seen + 1;
                    Ok(())
                }
                Err(_) => Err("its Runtime API endpoint ended".to_owned()),
            },
            status = exited(&mut exit) => Err(status),
        }
    }
}

async fn exited(exit: &mut watch::Receiver<Option<String>>) -> String {
    match exit.wait_for(Option::is_some).await {
        Ok(status) => status.clone().unwrap_or_default(),
        Err(_) => "its watcher ended".to_owned(),
    }
}

impl Process {
    fn start(settings: &EnvironmentSettings, api: &RuntimeApi, log: &FunctionLog) -> std::io::Result<Self> {
        let mut child = Command::new(&settings.binary)
            .env_clear()
            .envs(settings.variables.iter().cloned())
            .env("AWS_LAMBDA_RUNTIME_API", api.address.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C in the terminal is for the stack: it lets the functions finish before it ends them.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        if let Some(output) = child.stdout.take() {
            tokio::spawn(log.clone().copy(output));
        }
        if let Some(output) = child.stderr.take() {
            tokio::spawn(log.clone().copy(output));
        }
        let kill = Arc::new(Notify::new());
        let killed = Arc::clone(&kill);
        let (status, exit) = watch::channel(None);
        tokio::spawn(async move {
            let waited = tokio::select! {
                waited = child.wait() => waited,
                () = killed.notified() => {
                    // It may have ended by itself in between; waiting tells.
                    let _ = child.start_kill();
                    child.wait().await
                }
            };
            let text = waited.map_or_else(|error| error.to_string(), |status| status.to_string());
            status.send_replace(Some(text));
        });
        Ok(Self { exit, kill })
    }
}
