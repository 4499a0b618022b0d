//! A DynamoDB stream event source: reads the shards in order, filters, and delivers batch by batch; a position is passed only
//! when its records are done or given up to the failure destination.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use aws_sdk_dynamodbstreams::{operation::get_records::GetRecordsOutput, types::ShardIteratorType};

use super::{
    Gate,
    checkpoint::Checkpoints,
    filter::Filter,
    stream_batch::{BatchDelivery, Delivered},
    stream_record::StreamRecord,
};
use crate::{
    aws::{AwsEndpoints, StreamTrim},
    provision::chain,
    template::StreamSource,
};

/// Records of one read; DynamoDB gives no more.
const READ_MAX: i32 = 1_000;
/// Pause between reads of an idle shard. Lambda polls four times a second; locally a read costs nearly nothing.
const IDLE_PAUSE: Duration = Duration::from_millis(40);
/// Pause after a failed call.
const ERROR_PAUSE: Duration = Duration::from_millis(500);
/// How often the list of shards is read again.
const SHARDS_REFRESH: Duration = Duration::from_secs(10);
/// Shards a stream may have locally: pages of the list that are read at most.
const SHARD_PAGES_MAX: usize = 100;
/// Lambda's payload limit with room for the envelope: a batch is cut at this size.
const BATCH_BYTES_MAX: usize = 6 * 1024 * 1024 - 1024;
/// Consumed records are trimmed each time this many have gathered, and when the stream is idle.
const TRIM_EVERY: usize = 500;

/// What the rest of the stack can see of a stream's consumption.
#[derive(Debug, Clone, Default)]
pub(super) struct Progress(Arc<Mutex<Option<Instant>>>);

impl Progress {
    pub(super) fn found_empty(&self, since: Instant) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(since);
    }

    /// When the latest read of all shards began that found nothing to do.
    pub(super) fn empty_at(&self) -> Option<Instant> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where consumed records may be deleted: the embedded emulator, when nobody else reads the stream.
#[derive(Debug)]
pub(super) struct Trimmer {
    pub(super) endpoints: Arc<AwsEndpoints>,
    pub(super) table: String,
}

/// One event source mapping.
#[derive(Debug)]
pub(super) struct StreamPoller {
    pub(super) client: aws_sdk_dynamodbstreams::Client,
    pub(super) stream_arn: String,
    pub(super) source: StreamSource,
    pub(super) filters: Vec<Filter>,
    pub(super) delivery: BatchDelivery,
    pub(super) checkpoints: Checkpoints,
    pub(super) trimmer: Option<Trimmer>,
    pub(super) progress: Progress,
    pub(super) gate: Gate,
}

#[derive(Debug, Default)]
struct Shard {
    iterator: Option<String>,
    ended: bool,
    /// Matching records not yet delivered, and the time the first of them was read.
    waiting: Vec<StreamRecord>,
    since: Option<Instant>,
    /// The last sequence number read, matching or not.
    read_to: Option<String>,
    /// The one before it. The last record is never trimmed: the emulator numbers new records after the highest it has.
    read_before: Option<String>,
    untrimmed: usize,
}

impl StreamPoller {
    /// Polls until the gate closes for good.
    pub(super) async fn run(mut self) {
        let mut shards: BTreeMap<String, Shard> = BTreeMap::new();
        let mut listed: Option<Instant> = None;
        while self.gate.open().await {
            if listed.is_none_or(|listed| listed.elapsed() > SHARDS_REFRESH) {
                match self.list(&mut shards).await {
                    Ok(()) => listed = Some(Instant::now()),
                    Err(message) => {
                        tracing::warn!(stream = %self.stream_arn, error = %message, "listing the shards failed");
                        tokio::time::sleep(ERROR_PAUSE).await;
                        continue;
                    }
                }
            }
            let began = Instant::now();
            let mut idle = true;
            for (id, shard) in &mut shards {
                idle &= self.advance(id, shard).await;
            }
            if idle {
                self.progress.found_empty(began);
                tokio::select! {
                    () = tokio::time::sleep(IDLE_PAUSE) => {}
                    () = self.gate.closed() => {}
                }
            }
        }
    }

    async fn list(&mut self, shards: &mut BTreeMap<String, Shard>) -> Result<(), String> {
        let mut found = Vec::new();
        let mut start = None;
        for _ in 0..SHARD_PAGES_MAX {
            let request = self.client.describe_stream().stream_arn(&self.stream_arn);
            let output = request
                .set_exclusive_start_shard_id(start)
                .send()
                .await
                .map_err(|error| chain(&error))?;
            let Some(description) = output.stream_description else {
                break;
            };
            found.extend(
                description
                    .shards()
                    .iter()
                    .filter_map(|shard| shard.shard_id().map(str::to_owned)),
            );
            start = description.last_evaluated_shard_id;
            if start.is_none() {
                break;
            }
        }
        self.checkpoints.retain(|shard| found.iter().any(|id| id == shard));
        shards.retain(|id, shard| !shard.waiting.is_empty() || found.contains(id));
        for id in found {
            shards.entry(id).or_default();
        }
        Ok(())
    }

    /// One read of a shard and the delivery of what it completes; tells whether there was nothing to do.
    async fn advance(&mut self, id: &str, shard: &mut Shard) -> bool {
        if shard.ended && shard.waiting.is_empty() {
            return true;
        }
        let read = match self.read(id, shard).await {
            Ok(count) => count,
            Err(message) => {
                tracing::warn!(stream = %self.stream_arn, shard = id, error = %message, "reading failed");
                shard.iterator = None;
                tokio::time::sleep(ERROR_PAUSE).await;
                return false;
            }
        };
        if self.is_due(shard) && !self.deliver(id, shard).await {
            return false;
        }
        if shard.waiting.is_empty() {
            self.pass(id, shard, read == 0).await;
        }
        read == 0 && shard.waiting.is_empty()
    }

    async fn read(&self, id: &str, shard: &mut Shard) -> Result<usize, String> {
        if shard.ended {
            return Ok(0);
        }
        let iterator = match shard.iterator.take() {
            Some(iterator) => iterator,
            None => self.iterator(id, shard).await?,
        };
        let request = self.client.get_records().shard_iterator(iterator).limit(READ_MAX);
        // An iterator lives for minutes and a record for a day. Both end here as an error, and the next read begins with a
        // new iterator from the position.
        let output: GetRecordsOutput = request.send().await.map_err(|error| chain(&error))?;
        shard.ended = output.next_shard_iterator.is_none();
        shard.iterator = output.next_shard_iterator;
        let records = output.records.unwrap_or_default();
        shard.untrimmed += records.len();
        for record in &records {
            let record = StreamRecord::new(record, &self.stream_arn);
            shard.read_before = shard.read_to.replace(record.sequence_number.clone());
            if self.filters.is_empty() || self.filters.iter().any(|filter| filter.matches(&record.json)) {
                shard.since.get_or_insert_with(Instant::now);
                shard.waiting.push(record);
            }
        }
        Ok(records.len())
    }

    /// An iterator after the last record read, or after the last one done, or at the declared beginning.
    async fn iterator(&self, id: &str, shard: &Shard) -> Result<String, String> {
        let after = shard.read_to.as_deref().or_else(|| self.checkpoints.get(id));
        let request = self
            .client
            .get_shard_iterator()
            .stream_arn(&self.stream_arn)
            .shard_id(id);
        let oldest = request.clone().shard_iterator_type(ShardIteratorType::TrimHorizon);
        let request = match after {
            Some(number) => request
                .shard_iterator_type(ShardIteratorType::AfterSequenceNumber)
                .sequence_number(number),
            None if self.source.from_oldest => oldest.clone(),
            None => request.shard_iterator_type(ShardIteratorType::Latest),
        };
        let output = match request.send().await {
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|e| e.is_trimmed_data_access_exception()) =>
            {
                tracing::warn!(stream = %self.stream_arn, shard = id, "records after the last position were trimmed");
                oldest.send().await
            }
            other => other,
        };
        let output = output.map_err(|error| chain(&error))?;
        output
            .shard_iterator
            .ok_or_else(|| "the endpoint gave no iterator".to_owned())
    }

    fn is_due(&self, shard: &Shard) -> bool {
        let full = shard.waiting.len() >= self.source.batch_size;
        let waited = shard.since.is_some_and(|since| since.elapsed() >= self.source.window);
        full || (waited && !shard.waiting.is_empty())
    }

    /// Delivers everything that waits; `false` when the gate closed in between.
    async fn deliver(&mut self, id: &str, shard: &mut Shard) -> bool {
        while !shard.waiting.is_empty() {
            let count = batch_length(&shard.waiting, self.source.batch_size);
            let batch: Vec<StreamRecord> = shard.waiting.drain(..count).collect();
            let undelivered = match self.delivery.deliver(id, batch, &self.gate).await {
                Delivered::All { last } => {
                    self.done(id, &last);
                    continue;
                }
                Delivered::UpTo { last, rest } => {
                    if let Some(last) = last {
                        self.done(id, &last);
                    }
                    rest
                }
            };
            shard.waiting.splice(..0, undelivered);
            return false;
        }
        shard.since = None;
        true
    }

    fn done(&mut self, shard: &str, sequence_number: &str) {
        if let Err(error) = self.checkpoints.set(shard, sequence_number) {
            tracing::error!(%error, "the position in the stream cannot be kept; a restart would deliver records again");
        }
    }

    /// Nothing waits: everything read is done, matching or not.
    async fn pass(&mut self, id: &str, shard: &mut Shard, idle: bool) {
        let Some(read_to) = shard.read_to.clone() else { return };
        if self.checkpoints.get(id) != Some(read_to.as_str()) {
            self.done(id, &read_to);
        }
        if shard.untrimmed >= TRIM_EVERY || (idle && shard.untrimmed > 0) {
            shard.untrimmed = 0;
            let (Some(trimmer), Some(to)) = (&self.trimmer, shard.read_before.take()) else {
                return;
            };
            if let Err(error) = trimmer
                .endpoints
                .trim_stream(&trimmer.table, StreamTrim::UpTo(to))
                .await
            {
                tracing::warn!(%error, "consumed stream records could not be trimmed");
            }
        }
    }
}

/// How many of the waiting records make a batch: bounded by number and by size.
fn batch_length(waiting: &[StreamRecord], batch_size: usize) -> usize {
    let mut bytes = 0;
    let fits = |record: &&StreamRecord| {
        bytes += record.size + 1;
        bytes <= BATCH_BYTES_MAX
    };
    waiting.iter().take(batch_size).take_while(fits).count().max(1)
}
