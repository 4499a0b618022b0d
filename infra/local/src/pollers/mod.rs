//! Event sources: what polls queues and the table stream, fires schedules and watches buckets, and invokes the functions.

mod checkpoint;
mod cron;
mod filter;
mod gate;
mod partial;
mod s3;
mod schedule;
mod sqs;
mod stream;
mod stream_batch;
mod stream_record;

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::task::JoinHandle;

use crate::{
    aws::AwsEndpoints,
    lambda::{FunctionPool, Functions, invoke_api::AsyncInvoker},
    provision::Clients,
    template::{Attributes, EventSource, Model, REF, S3Source, ScheduleSource, SqsSource, StreamSource},
};
use checkpoint::Checkpoints;
use filter::Filter;
use gate::{Gate, GateKeeper};
use schedule::Schedule;
use stream::{Progress, StreamPoller, Trimmer};

/// An event source gets this long to finish when the stack stops, beyond its function's time-out.
const STOP_GRACE: Duration = Duration::from_secs(20);

/// An event source that cannot be run.
#[derive(Debug, thiserror::Error)]
#[error("event source {event} of {function}: {message}")]
pub struct SourceError {
    /// Logical id of the function.
    pub function: String,
    /// Name of the event.
    pub event: String,
    /// What is wrong.
    pub message: String,
}

/// What event sources are made from.
#[derive(Debug)]
pub struct SourceContext<'a> {
    /// What the template declares.
    pub model: &'a Model,
    /// Names, ARNs and URLs of the resources.
    pub attributes: &'a Attributes,
    /// The functions.
    pub functions: &'a Functions,
    /// SDK clients.
    pub clients: &'a Clients,
    /// For schedules and notifications.
    pub asynchronous: &'a AsyncInvoker,
    /// The embedded endpoints, when they are used.
    pub endpoints: Option<&'a Arc<AwsEndpoints>>,
    /// Where positions and seen objects are kept.
    pub folder: PathBuf,
}

/// One running event source.
#[derive(Debug)]
struct Source {
    function: String,
    event: String,
    keeper: GateKeeper,
    task: JoinHandle<()>,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Queue { url: String },
    Stream { progress: Progress },
    Schedule(Arc<Schedule>),
    Bucket { progress: Progress },
}

/// All event sources of a stack except the HTTP API.
#[derive(Debug, Default)]
pub struct Sources {
    sources: Vec<Source>,
}

impl Sources {
    /// Starts every declared event source.
    ///
    /// # Errors
    /// A source that cannot be run; those already started are stopped.
    pub async fn start(context: &SourceContext<'_>) -> Result<Self, SourceError> {
        let mut started = Self::default();
        for function in &context.model.functions {
            for event in &function.events {
                let wrong = |message: String| SourceError {
                    function: function.id.clone(),
                    event: event.name.clone(),
                    message,
                };
                let Some(pool) = context.functions.get(&function.id) else {
                    continue;
                };
                let (keeper, gate) = GateKeeper::new();
                let file = context.folder.join(format!("{}-{}.json", function.id, event.name));
                let made = match &event.source {
                    EventSource::Http(_) => continue,
                    EventSource::Sqs(source) => Ok(queue(context, source, pool, gate)),
                    EventSource::Stream(source) => table_stream(context, source, pool, gate, file),
                    EventSource::Schedule(source) => {
                        timer(context, source, &format!("{}-{}", function.id, event.name), pool, gate)
                    }
                    EventSource::S3(source) => bucket(
                        context,
                        (source, function.on_failure_queue.as_deref()),
                        pool,
                        gate,
                        file,
                    ),
                };
                match made {
                    Ok((kind, task)) => {
                        let (function, event) = (function.id.clone(), event.name.clone());
                        started.sources.push(Source {
                            function,
                            event,
                            keeper,
                            task,
                            kind,
                        });
                    }
                    Err(message) => {
                        started.stop().await;
                        return Err(wrong(message));
                    }
                }
            }
        }
        Ok(started)
    }

    /// Stops delivery to a function until [`Sources::resume`]; what is under way ends first in the background.
    /// Tells whether the function has an event source.
    pub fn pause(&self, function: &str) -> bool {
        self.of(function).map(|source| source.keeper.pause()).count() > 0
    }

    /// Goes on delivering to a function.
    pub fn resume(&self, function: &str) -> bool {
        self.of(function).map(|source| source.keeper.resume()).count() > 0
    }

    fn of<'a>(&'a self, function: &'a str) -> impl Iterator<Item = &'a Source> {
        self.sources.iter().filter(move |source| source.function == function)
    }

    /// URLs of the queues that are consumed now.
    pub(crate) fn consumed_queues(&self) -> Vec<String> {
        let open = self.sources.iter().filter(|source| source.keeper.is_open());
        open.filter_map(|source| match &source.kind {
            Kind::Queue { url } => Some(url.clone()),
            _ => None,
        })
        .collect()
    }

    /// Whether every stream and bucket that is consumed was found without anything new after `since`.
    pub(crate) fn empty_since(&self, since: Instant) -> bool {
        let open = self.sources.iter().filter(|source| source.keeper.is_open());
        open.filter_map(|source| match &source.kind {
            Kind::Stream { progress } | Kind::Bucket { progress } => Some(progress),
            _ => None,
        })
        .all(|progress| progress.empty_at().is_some_and(|empty| empty >= since))
    }

    /// Fires a schedule now, in addition to its times. The name is the function's logical id and the event's name joined by
    /// a hyphen, or the event's name alone. Tells whether there is such a schedule and its event was accepted.
    pub fn fire(&self, name: &str) -> bool {
        let named = |source: &&Source| source.event == name || format!("{}-{}", source.function, source.event) == name;
        let mut schedules = self
            .sources
            .iter()
            .filter(named)
            .filter_map(|source| match &source.kind {
                Kind::Schedule(schedule) => Some(schedule),
                _ => None,
            });
        schedules.next().is_some_and(|schedule| schedule.fire())
    }

    /// Stops every source and waits until what it started has ended.
    pub async fn stop(self) {
        for source in &self.sources {
            source.keeper.close();
        }
        for source in self.sources {
            let name = source.event;
            // Long enough for the longest function; a source that hangs beyond it must not keep the stack alive.
            let bound = Duration::from_secs(900) + STOP_GRACE;
            if tokio::time::timeout(bound, source.task).await.is_err() {
                tracing::warn!(event = %name, "an event source did not stop in time");
            }
        }
    }
}

type Made = (Kind, JoinHandle<()>);

fn queue(context: &SourceContext<'_>, source: &SqsSource, pool: &Arc<FunctionPool>, gate: Gate) -> Made {
    let url = context
        .attributes
        .get(&source.queue, REF)
        .unwrap_or_default()
        .to_owned();
    let poller = sqs::SqsPoller {
        client: context.clients.sqs.clone(),
        url: url.clone(),
        arn: context
            .attributes
            .get(&source.queue, "Arn")
            .unwrap_or_default()
            .to_owned(),
        source: source.clone(),
        function: Arc::clone(pool),
        gate,
    };
    (Kind::Queue { url }, tokio::spawn(poller.run()))
}

fn table_stream(
    context: &SourceContext<'_>,
    source: &StreamSource,
    pool: &Arc<FunctionPool>,
    gate: Gate,
    file: PathBuf,
) -> Result<Made, String> {
    let stream_arn = context
        .attributes
        .get(&source.table, "StreamArn")
        .unwrap_or_default()
        .to_owned();
    let filters: Vec<Filter> = source.filters.iter().map(Filter::parse).collect::<Result<_, _>>()?;
    let all = context.model.functions.iter().flat_map(|function| &function.events);
    let readers =
        all.filter(|event| matches!(&event.source, EventSource::Stream(other) if other.table == source.table));
    // With a second reader, what one has consumed the other may still need.
    let only_reader = readers.count() == 1;
    let table = context
        .attributes
        .get(&source.table, REF)
        .unwrap_or_default()
        .to_owned();
    let endpoints = context.endpoints.filter(|_| only_reader);
    let trimmer = endpoints.map(|endpoints| Trimmer {
        endpoints: Arc::clone(endpoints),
        table,
    });
    let bucket = source
        .on_failure_bucket
        .as_deref()
        .and_then(|id| context.attributes.get(id, REF))
        .map(str::to_owned);
    let mapping_id = file
        .file_stem()
        .map(|stem| stem.to_string_lossy().into_owned())
        .unwrap_or_default();
    let checkpoints = Checkpoints::open(&file, &stream_arn).map_err(|error| format!("{}: {error}", file.display()))?;
    let delivery = stream_batch::BatchDelivery {
        function: Arc::clone(pool),
        source: source.clone(),
        stream_arn: stream_arn.clone(),
        s3: context.clients.s3.clone(),
        failure_bucket: bucket,
        mapping_id,
    };
    let progress = Progress::default();
    let poller = StreamPoller {
        client: context.clients.streams.clone(),
        stream_arn,
        source: source.clone(),
        filters,
        delivery,
        checkpoints,
        trimmer,
        progress: progress.clone(),
        gate,
    };
    Ok((Kind::Stream { progress }, tokio::spawn(poller.run())))
}

fn timer(
    context: &SourceContext<'_>,
    source: &ScheduleSource,
    name: &str,
    pool: &Arc<FunctionPool>,
    gate: Gate,
) -> Result<Made, String> {
    let schedule = Arc::new(Schedule::new(
        source,
        name,
        Arc::clone(pool),
        context.asynchronous.clone(),
    )?);
    let running = Arc::clone(&schedule);
    Ok((
        Kind::Schedule(schedule),
        tokio::spawn(async move { running.run(gate).await }),
    ))
}

fn bucket(
    context: &SourceContext<'_>,
    (source, on_failure): (&S3Source, Option<&str>),
    pool: &Arc<FunctionPool>,
    gate: Gate,
    file: PathBuf,
) -> Result<Made, String> {
    let url = on_failure.and_then(|queue| context.attributes.get(queue, REF));
    let failures = url.map(|url| s3::FailureQueue {
        client: context.clients.sqs.clone(),
        url: url.to_owned(),
    });
    let name = context
        .attributes
        .get(&source.bucket, REF)
        .unwrap_or_default()
        .to_owned();
    let progress = Progress::default();
    let watcher = s3::BucketWatcher::open(
        (context.clients.s3.clone(), name),
        source.clone(),
        Arc::clone(pool),
        file,
        failures,
        progress.clone(),
        gate,
    )?;
    Ok((Kind::Bucket { progress }, tokio::spawn(watcher.run())))
}
