//! `treue`: builds the functions, starts the stack, sets it up, plays a demo day the first time, and stays up.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use http_edge::Scope;
use indicatif::ProgressBar;

use super::data::{DataDir, StackFile, StackLock, write_private};
use super::http::Api;
use super::keys::Keys;
use super::target::{TENANT, Target};
use super::{DataArgs, Failure, demo, story};
use crate::build::{self, Profile};
use crate::oidc::TokenRequest;
use crate::operations::bootstrap;
use crate::progress::Progress;
use crate::stack::{Stack, StackOptions};

/// What a stack keeps in its data folder: removed by `--fresh`, and nothing else.
const KEPT: [&str; 16] = [
    "dynamodb.sqlite",
    "dynamodb.sqlite-shm",
    "dynamodb.sqlite-wal",
    "sqs.sqlite",
    "sqs.sqlite-shm",
    "sqs.sqlite-wal",
    "s3",
    "secrets.json",
    "positions",
    "logs",
    "oidc-key.der",
    OPERATOR_TOKEN,
    "keys.json",
    "demo.json",
    "stack.json",
    "lock",
];
/// File with a token of the test issuer, for trying what operators may do.
pub(super) const OPERATOR_TOKEN: &str = "operator.jwt";
/// How long it is good for: a day's work.
const OPERATOR_SECONDS: i64 = 12 * 3_600;
/// Shortest pause between two lines of the build where no progress bar can be drawn.
const BUILD_LINE_EVERY: Duration = Duration::from_secs(5);

/// `treue` without a command.
#[derive(Debug, Args)]
pub(crate) struct StartArgs {
    /// Port of the API on 127.0.0.1; 0 takes any free one.
    #[arg(long, value_name = "N", default_value_t = 3000)]
    port: u16,
    #[command(flatten)]
    data: DataArgs,
    /// Begin with empty data: removes what an earlier stack left in the data folder.
    #[arg(long)]
    fresh: bool,
    /// Do not play the demo day.
    #[arg(long)]
    no_demo: bool,
    /// Build the functions in release mode.
    #[arg(long)]
    release: bool,
}

/// What took how long.
#[derive(Debug, Default)]
pub(crate) struct Times(pub(crate) Vec<(&'static str, Duration)>);

impl Times {
    fn since(&mut self, what: &'static str, started: Instant) {
        self.0.push((what, started.elapsed()));
    }
}

/// A stack to work with: one that runs already, or one of our own.
#[derive(Debug)]
pub(crate) struct Session {
    file: StackFile,
    own: Option<(Stack, StackLock)>,
}

impl Session {
    /// The stack that runs in the folder, or else a new one on free ports, set up but without a demo day.
    pub(crate) async fn join_or_start(data: &Path) -> Result<Self, Failure> {
        if let Some(file) = DataDir::new(data).running()? {
            return Ok(Self { file, own: None });
        }
        let mut times = Times::default();
        let launch = Launch {
            data,
            port: 0,
            fresh: false,
            release: false,
        };
        let session = launch.run(&mut times).await?;
        set_up(&DataDir::new(data), &session).await?;
        Ok(session)
    }

    pub(crate) fn stack(&self) -> &StackFile {
        &self.file
    }

    /// Stops the stack if it is our own.
    pub(crate) async fn end(self) -> Result<(), Failure> {
        let Some((stack, lock)) = self.own else { return Ok(()) };
        let stopped = stack.stop().await.context("the stack did not stop cleanly");
        drop(lock);
        Ok(stopped?)
    }
}

struct Launch<'a> {
    data: &'a Path,
    port: u16,
    fresh: bool,
    release: bool,
}

impl Launch<'_> {
    async fn run(&self, times: &mut Times) -> Result<Session, Failure> {
        let data = DataDir::new(self.data);
        let Some(lock) = data.lock()? else {
            let place = data.running()?.map_or(String::new(), |stack| {
                format!(" on {} (process {})", stack.api_url, stack.pid)
            });
            let text = format!(
                "a stack runs in {} already{place}: stop it, or take another folder with --data",
                data.path().display()
            );
            return Err(anyhow::anyhow!(text).into());
        };
        if self.fresh {
            clear(data.path())?;
        }
        let template = find_template()?;
        let progress = Steps::new();
        let profile = if self.release { Profile::Release } else { Profile::Dev };
        let started = Instant::now();
        let bins = build::functions(&template, profile, &progress)
            .await
            .context("the functions cannot be built")?;
        times.since("building", started);
        let started = Instant::now();
        let mut options = StackOptions::new(template, bins);
        options.data_dir = Some(self.data.to_owned());
        options.api_port = self.port;
        let stack = Stack::start(options, &progress)
            .await
            .context("the stack does not start")?;
        times.since("starting", started);
        progress.done();
        let file = describe(&stack)?;
        write_private(&data.path().join(OPERATOR_TOKEN), operator_token(&stack)?.as_bytes())?;
        data.announce(&lock, &file)?;
        Ok(Session {
            file,
            own: Some((stack, lock)),
        })
    }
}

/// Starts the stack and stays up until Ctrl-C.
pub(crate) async fn run(args: &StartArgs) -> Result<(), Failure> {
    let interrupted = interrupted();
    tokio::pin!(interrupted);
    let mut times = Times::default();
    let launch = Launch {
        data: &args.data.data,
        port: args.port,
        fresh: args.fresh,
        release: args.release,
    };
    let session = tokio::select! {
        session = launch.run(&mut times) => session?,
        () = &mut interrupted => return Err(anyhow::anyhow!("interrupted before the stack was up").into()),
    };
    let outcome = tokio::select! {
        welcomed = welcome(args, &session, &mut times) => match welcomed {
            Ok(()) => {
                interrupted.await;
                Ok(())
            }
            Err(error) => Err(error),
        },
        () = &mut interrupted => Ok(()),
    };
    eprintln!(
        "\nStopping. What the stack knows stays in {}.",
        args.data.data.display()
    );
    let ended = session.end().await;
    outcome.and(ended)
}

/// Sets the stack up, plays the demo day, and says what there is to see.
async fn welcome(args: &StartArgs, session: &Session, times: &mut Times) -> Result<(), Failure> {
    let data = DataDir::new(&args.data.data);
    let started = Instant::now();
    let keys = set_up(&data, session).await?;
    times.since("setting up", started);
    let api = Api::new(&session.file.api_url, None)?;
    let today = domain::calendar::business_day(runtime::now(), chrono_tz::Europe::Zurich);
    if !args.no_demo {
        let started = Instant::now();
        if demo::play(&data, &api, &keys, today)
            .await
            .context("the demo day cannot be played")?
        {
            times.since("demo day", started);
        }
    }
    let played = demo::played_on(&data)?;
    story::urls(&session.file, data.path());
    story::examples(&session.file, &data, &api, &keys, played, today).await?;
    story::times(times);
    Ok(())
}

/// Locations, programme and demo keys.
async fn set_up(data: &DataDir, session: &Session) -> Result<Keys, Failure> {
    let tenant = TENANT.parse().context("the demo's tenant")?;
    let target = Target::of_stack(&session.file, tenant);
    let now = runtime::now();
    bootstrap::places(&target.system, now)
        .await
        .context("the locations cannot be stored")?;
    let keys = Keys::complete(data)?;
    keys.store(&target.system, now).await?;
    Ok(keys)
}

/// The template in this folder or the nearest above it.
fn find_template() -> Result<PathBuf, Failure> {
    let here = std::env::current_dir().context("there is no current folder")?;
    let found = here
        .ancestors()
        .map(|folder| folder.join("template.yaml"))
        .find(|path| path.is_file());
    found.ok_or_else(|| {
        Failure::Usage(format!(
            "there is no template.yaml in {} or above: run treue inside the project",
            here.display()
        ))
    })
}

fn describe(stack: &Stack) -> Result<StackFile, Failure> {
    let urls = stack.urls();
    let queues = stack
        .model()
        .queues
        .iter()
        .map(|queue| Ok((queue.id.clone(), stack.queue_url(&queue.id)?)));
    let buckets = stack.model().buckets.iter();
    let buckets = buckets.map(|bucket| Ok((bucket.id.clone(), stack.bucket(&bucket.id)?)));
    Ok(StackFile {
        pid: std::process::id(),
        api_url: urls.api,
        invoke_url: urls.invoke,
        table: stack.table_name().context("the template declares no table")?,
        queues: queues.collect::<anyhow::Result<_>>()?,
        buckets: buckets.collect::<anyhow::Result<_>>()?,
        aws_env: stack.aws_env().iter().cloned().collect(),
    })
}

/// A token of an operator with the rights of the back office.
fn operator_token(stack: &Stack) -> Result<String, Failure> {
    let scopes: Vec<_> = Scope::ALL
        .iter()
        .filter(|scope| **scope != Scope::PurchasesMigrate)
        .collect();
    let request = TokenRequest {
        subject: "demo-operator".to_owned(),
        tenant: TENANT.to_owned(),
        scope: scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(" "),
        locations: "*".to_owned(),
        audience: "treue".to_owned(),
        lifetime_seconds: OPERATOR_SECONDS,
        claims: serde_json::Map::new(),
    };
    Ok(stack
        .issuer()
        .token(&request)
        .context("no operator token can be made")?)
}

/// Removes what an earlier stack left.
fn clear(data: &Path) -> anyhow::Result<()> {
    for name in KEPT {
        let path = data.join(name);
        let removed = if path.is_dir() {
            std::fs::remove_dir_all(&path)
        } else {
            std::fs::remove_file(&path)
        };
        match removed {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot remove {}", path.display()));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Ends with Ctrl-C or the signal that ends a service.
pub(super) async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        result = tokio::signal::ctrl_c() => {
            if result.is_err() {
                std::future::pending::<()>().await;
            }
        }
        () = terminated => {}
    }
}

/// The steps of a start: a line that moves on a terminal, single lines elsewhere.
struct Steps {
    bar: ProgressBar,
    last_line: std::sync::Mutex<Option<Instant>>,
}

impl Steps {
    fn new() -> Self {
        let bar = super::progress::spinner();
        Self {
            bar,
            last_line: std::sync::Mutex::new(None),
        }
    }

    fn done(&self) {
        self.bar.finish_and_clear();
    }
}

impl Progress for Steps {
    fn step(&self, text: &str) {
        if self.bar.is_hidden() {
            eprintln!("{text}");
        } else {
            self.bar.println(text);
        }
    }

    fn detail(&self, line: &str) {
        if !self.bar.is_hidden() {
            self.bar.set_message(line.trim().to_owned());
            return;
        }
        let mut last = self.last_line.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if last.is_none_or(|last| last.elapsed() >= BUILD_LINE_EVERY) {
            eprintln!("  {}", line.trim());
            *last = Some(Instant::now());
        }
    }
}
