//! Messages between functions, and the sender that puts them on queues.
//!
//! Messages carry keys, never images: the receiver reads the fact itself, so a late or repeated message does no harm, and a
//! queue holds no personal data and no voucher code.

mod sender;

pub use sender::{SendError, Sender};

use chrono::{DateTime, NaiveDate, Utc};
use domain::id::{FeedGroup, LocationId, LookupKey, PartyId, ProgrammeId, RunId, RunName, Tenant};
use domain::liability::Month;
use domain::money::Money;
use domain::receipt::ReceiptKey;
use domain::tally::Change;
use serde::{Deserialize, Serialize};

/// Work for point calculation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PostingMessage {
    /// A receipt is to be posted to its account, and its voucher payments matched.
    PostReceipt {
        /// Tenant.
        tenant: Tenant,
        /// The receipt.
        receipt: ReceiptKey,
        /// The stamped account; none for a receipt that only names vouchers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        party: Option<PartyId>,
        /// The programme of the receipt.
        programme: ProgrammeId,
        /// How many returns and voidings of the receipt are to be posted too: a reader who sees fewer has to look again.
        #[serde(default, skip_serializing_if = "is_zero")]
        taken_back: usize,
    },
    /// A return that names no receipt is to be posted to its account.
    PostReturn {
        /// Tenant.
        tenant: Tenant,
        /// The return.
        back: ReceiptKey,
        /// The account.
        party: PartyId,
        /// The programme of the return.
        programme: ProgrammeId,
    },
    /// A card leads to a party now: the receipts that wait for it are to be stamped.
    SettleCard {
        /// Tenant.
        tenant: Tenant,
        /// Keyed hash of the card.
        card: LookupKey,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde calls")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// Work for voucher issuance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum IssuanceMessage {
    /// An account is worth vouchers.
    Threshold {
        /// Tenant.
        tenant: Tenant,
        /// Holder of the account.
        party: PartyId,
        /// Programme.
        programme: ProgrammeId,
    },
}

/// Work for the close of a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum DayCloseMessage {
    /// The accounts of one shard are to be closed for a day: pending points that count from it on, vouchers, and points whose
    /// last day was before it.
    CloseShard {
        /// Tenant.
        tenant: Tenant,
        /// Programme.
        programme: ProgrammeId,
        /// The business day that has begun.
        day: NaiveDate,
        /// Shard of the index `due`.
        shard: u8,
        /// Where an invocation whose time was over left off.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<String>,
    },
}

/// Work for recalculation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum RecalculationMessage {
    /// A run was asked for or approved: it is to be cut into parts.
    Begin {
        /// Tenant.
        tenant: Tenant,
        /// The run.
        run: RunId,
    },
    /// The receipts of a location are to be counted, from where they were left.
    CountStore {
        /// Tenant.
        tenant: Tenant,
        /// The run.
        run: RunId,
        /// The location.
        store: LocationId,
    },
    /// The differences of a shard are to be posted, from where they were left.
    PostShard {
        /// Tenant.
        tenant: Tenant,
        /// The run.
        run: RunId,
        /// The shard.
        shard: u8,
    },
}

/// Work for the search index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum SearchIndexMessage {
    /// A party was stored or changed: it is to be listed as it stands now.
    Party {
        /// Tenant.
        tenant: Tenant,
        /// The party.
        party: PartyId,
        /// The version that asks for it; the index follows whatever stands when the message is worked off.
        version: u64,
    },
}

/// Work for the workflows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum WorkflowMessage {
    /// Something changed that workflows look at.
    Changed {
        /// Tenant.
        tenant: Tenant,
        /// The party it is about.
        party: PartyId,
        /// Sort key of the change in the party's partition.
        change: String,
        /// When it was made: the workflows of that time decide.
        at: DateTime<Utc>,
    },
}

/// Work for the erasure of parties.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PrivacyMessage {
    /// An erasure was approved, or is to go on: its request says how far it is.
    Erase {
        /// Tenant.
        tenant: Tenant,
        /// The party.
        party: PartyId,
    },
}

/// Work for the finance reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FinanceMessage {
    /// The accounts and vouchers of one segment of the table are to be summed for a month, from where its stored sums end.
    Segment {
        /// Tenant.
        tenant: Tenant,
        /// Programme.
        programme: ProgrammeId,
        /// The month.
        month: Month,
        /// Which run of the month, from 1.
        revision: u32,
        /// Segment of the table, from 0.
        segment: u8,
    },
}

/// A document of the ERP, as the ERP puts it on its queue. `Debug` does not show it: it may name a party.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErpMessage {
    /// Tenant.
    pub tenant: Tenant,
    /// `order`, `invoice` or `payment`.
    pub kind: String,
    /// What the route of this kind takes as its body.
    pub document: serde_json::Value,
}

impl std::fmt::Debug for ErpMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ErpMessage")
            .field("tenant", &self.tenant)
            .finish_non_exhaustive()
    }
}

/// The messages that work off a run of a month: one for each segment.
pub fn finance_segments(
    (tenant, programme, month): (&Tenant, &ProgrammeId, Month),
    revision: u32,
    segments: u8,
) -> Vec<FinanceMessage> {
    (0..segments)
        .map(|segment| FinanceMessage::Segment {
            tenant: tenant.clone(),
            programme: programme.clone(),
            month,
            revision,
            segment,
        })
        .collect()
}

/// Work for the runs of campaigns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum CampaignMessage {
    /// The members of a segment of the table are to be chosen, from where they were left.
    Choose {
        /// Tenant.
        tenant: Tenant,
        /// The run.
        run: RunName,
        /// Which choice of members.
        revision: u32,
        /// The segment.
        segment: u8,
    },
    /// A run whose members are chosen and approved is to be started.
    Start {
        /// Tenant.
        tenant: Tenant,
        /// The run.
        run: RunName,
        /// Which choice of members.
        revision: u32,
    },
    /// The members of a shard are to get their vouchers, from where they were left.
    Issue {
        /// Tenant.
        tenant: Tenant,
        /// The run.
        run: RunName,
        /// Which choice of members.
        revision: u32,
        /// The shard.
        shard: u8,
    },
    /// The vouchers that a stopped run has given the members of a shard are to be blocked, from where that was left.
    Block {
        /// Tenant.
        tenant: Tenant,
        /// The run.
        run: RunName,
        /// Which choice of members was stopped.
        revision: u32,
        /// The shard.
        shard: u8,
    },
    /// It is to be measured what the members of a run buy.
    Measure {
        /// Tenant.
        tenant: Tenant,
        /// The run.
        run: RunName,
        /// Which choice of members.
        revision: u32,
        /// When it was asked for: asked for once, it is measured once.
        asked_at: DateTime<Utc>,
    },
    /// The members of a shard are to be measured, from where they were left.
    MeasureShard {
        /// Tenant.
        tenant: Tenant,
        /// The run.
        run: RunName,
        /// Which choice of members.
        revision: u32,
        /// Which measurement.
        number: u32,
        /// The shard.
        shard: u8,
    },
}

/// What the results of campaigns hear of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum CampaignResultMessage {
    /// A voucher of a run changed. What it was is in the message: the voucher itself may have changed again since, and nothing
    /// else keeps where it was redeemed before it was given back. It leads to no person.
    Voucher {
        /// Tenant.
        tenant: Tenant,
        /// The run that gave it.
        run: RunName,
        /// Keyed hash of its code.
        voucher: LookupKey,
        /// The change.
        #[serde(flatten)]
        change: Change,
    },
}

/// The messages that choose the members of a run: one for each segment.
pub fn campaign_segments(tenant: &Tenant, (run, revision): (&RunName, u32), segments: u8) -> Vec<CampaignMessage> {
    (0..segments)
        .map(|segment| CampaignMessage::Choose {
            tenant: tenant.clone(),
            run: run.clone(),
            revision,
            segment,
        })
        .collect()
}

/// The messages that block what a stopped run has given: one for each shard.
pub fn voucher_blocks(tenant: &Tenant, (run, revision): (&RunName, u32), shards: u8) -> Vec<CampaignMessage> {
    let block = |shard| CampaignMessage::Block {
        tenant: tenant.clone(),
        run: run.clone(),
        revision,
        shard,
    };
    (0..shards).map(block).collect()
}

/// Work for the lettershop's files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum LettershopMessage {
    /// The file of a run is to be written, from where it was left.
    Write {
        /// Tenant.
        tenant: Tenant,
        /// The run.
        run: RunName,
        /// Which choice of members.
        revision: u32,
    },
    /// The letters of a shard of a confirmed run are to be noted with their parties, from where that was left.
    Note {
        /// Tenant.
        tenant: Tenant,
        /// The run.
        run: RunName,
        /// Which choice of members.
        revision: u32,
        /// The shard.
        shard: u8,
    },
    /// Letters of a run are to be printed again.
    Reprint {
        /// Tenant.
        tenant: Tenant,
        /// The run.
        run: RunName,
        /// Which choice of members.
        revision: u32,
        /// The reprint.
        reprint: LookupKey,
    },
}

/// The messages that note the letters of a confirmed run: one for each shard.
pub fn letter_notes(tenant: &Tenant, (run, revision): (&RunName, u32), shards: u8) -> Vec<LettershopMessage> {
    let note = |shard| LettershopMessage::Note {
        tenant: tenant.clone(),
        run: run.clone(),
        revision,
        shard,
    };
    (0..shards).map(note).collect()
}

/// Work for the lettershop's inbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum LettershopInboxMessage {
    /// A file that printer or carrier has put is to be worked off, from where it was left.
    File {
        /// Tenant.
        tenant: Tenant,
        /// The bucket.
        bucket: String,
        /// Key of the file.
        key: String,
        /// Its ETag, without quotes.
        etag: String,
        /// When it was put, by the bucket's clock.
        put_at: DateTime<Utc>,
    },
}

/// Work for the import of files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ImportMessage {
    /// The rows of a part of a file are to be imported, from where they were left.
    Part {
        /// Tenant.
        tenant: Tenant,
        /// The run.
        run: RunId,
        /// Which walk through the file, from 1.
        revision: u32,
        /// The part, from 0.
        part: u32,
    },
    /// All parts of a file are done: what was rejected is to be put together.
    Finish {
        /// Tenant.
        tenant: Tenant,
        /// The run.
        run: RunId,
        /// Which walk through the file, from 1.
        revision: u32,
    },
}

/// The messages that work off a revision of a run: one for each part.
pub fn import_parts(tenant: &Tenant, (run, revision): (&RunId, u32), parts: u32) -> Vec<ImportMessage> {
    let part = |part| ImportMessage::Part {
        tenant: tenant.clone(),
        run: run.clone(),
        revision,
        part,
    };
    (0..parts).map(part).collect()
}

/// A change of a voucher, for the tills' middleware. The code is not in it: a till with the right to see it asks the feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PosVoucherMessage {
    /// Tenant.
    pub tenant: Tenant,
    /// Voucher id.
    pub voucher: String,
    /// Counts the changes of the voucher, from 1; a receiver keeps the greatest it has seen.
    pub state_version: u64,
    /// `open`, `reserved`, `redeemed`, `blocked` or `voided`.
    pub status: String,
    /// Holder.
    pub party: PartyId,
    /// Programme.
    pub programme: ProgrammeId,
    /// Face value; nothing for one in per cent.
    pub value: Money,
    /// Per cent that it takes off the goods that it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_cent: Option<u8>,
    /// What is left of one that is taken in parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rest: Option<Money>,
    /// Last day of validity, `YYYY-MM-DD` in the programme's zone.
    pub valid_until: String,
    /// Group of the voucher feed that carries the change.
    pub feed_group: FeedGroup,
}

/// A change of a party, for other systems: which fields, never their values. A receiver reads the party for those.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartyMessage {
    /// Tenant.
    pub tenant: Tenant,
    /// The party.
    pub party_id: PartyId,
    /// The version of the party that the change made; a receiver ignores what is older than what it has read. A relationship is a
    /// change of both its parties. Of kind `workflow` the version of whatever changed, and nothing is to be ignored for it.
    pub version: u64,
    /// `created`, `changed`, `erased` or `workflow`. Of one that was erased a receiver forgets what it has.
    pub kind: String,
    /// The fields as JSON pointers, in order, none twice; none of kind `workflow`.
    pub fields: Vec<String>,
    /// When it was made.
    pub at: DateTime<Utc>,
    /// Of kind `workflow`: what a workflow says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<WorkflowNews>,
}

/// What a workflow tells other systems.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkflowNews {
    /// Name of the event, as the workflow says.
    pub event: String,
    /// The workflow.
    pub workflow: String,
    /// Name of the effect. A receiver that has seen it ignores the message.
    pub effect: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redemption_reads_back() {
        let text = r#"{"kind":"voucher","tenant":"demo","run":"bonus~2026-12","voucher":"ABC234","version":2,"standing":"redeemed","taken":[{"receipt":"B07~3~2026-12-03~004711","value_minor":1000}]}"#;
        let message: CampaignResultMessage = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&message).unwrap(), text);
    }

    #[test]
    fn a_message_reads_back_and_another_kind_is_an_error() {
        let text = r#"{"kind":"post_receipt","tenant":"demo","receipt":"B07~3~2026-11-22~004711","party":"p1","programme":"treue"}"#;
        let message: PostingMessage = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&message).unwrap(), text);
        assert!(serde_json::from_str::<PostingMessage>(r#"{"kind":"other"}"#).is_err());
    }
}
