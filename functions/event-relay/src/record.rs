//! A stream record becomes events. Only images that carry `topics` arrive here; the filter of the event source sees to it.

use domain::account::Account;
use domain::id::{LookupKey, PartyId, ProgrammeId, Tenant};
use domain::tally;
use domain::voucher::Voucher;
use messages::{
    CampaignResultMessage, IssuanceMessage, PartyMessage, PostingMessage, PrivacyMessage, RecalculationMessage,
    SearchIndexMessage, WorkflowMessage, WorkflowNews,
};
use serde::Deserialize;
use store::receipt::StoredReceipt;
use store::returned::StoredReturn;
use store::{Record, account, card, erasure, party, recalculation, receipt, returned, voucher, workflow};

use crate::feed::TenantChange;

/// What a record comes to.
#[derive(Debug)]
pub(crate) enum Event {
    Posting(PostingMessage),
    Issuance(IssuanceMessage),
    Recalculation(RecalculationMessage),
    SearchIndex(SearchIndexMessage),
    Privacy(PrivacyMessage),
    Voucher(Box<TenantChange>),
    Result(CampaignResultMessage),
    Party(PartyMessage),
    Workflow(WorkflowMessage),
}

/// Why a record cannot be understood. Names no content.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotUnderstood {
    #[error("it is not a stream record of the table: {0}")]
    Shape(String),
    #[error("its topic is not known")]
    Topic,
    #[error("its key does not fit its topic")]
    Key,
}

#[derive(Deserialize)]
struct StreamRecord {
    dynamodb: Change,
}

#[derive(Deserialize)]
struct Change {
    #[serde(rename = "NewImage")]
    new_image: Option<serde_dynamo::Item>,
}

#[derive(Deserialize)]
struct Head {
    pk: String,
    sk: String,
    topics: String,
}

/// The events of a record; none for one without an image, such as a removal.
///
/// # Errors
/// [`NotUnderstood`].
pub(crate) fn read(record: &serde_json::Value) -> Result<Vec<Event>, NotUnderstood> {
    let record = StreamRecord::deserialize(record)
        .map_err(|error| NotUnderstood::Shape(store::record::without_values(&error.to_string())))?;
    let Some(image) = record.dynamodb.new_image else {
        return Ok(Vec::new());
    };
    let head: Head = serde_dynamo::from_item(image.clone())
        .map_err(|error| NotUnderstood::Shape(store::record::without_values(&error.to_string())))?;
    match head.topics.as_str() {
        receipt::RECEIPT => receipt_events(&head, image),
        returned::RETURN => return_events(&head, image),
        account::THRESHOLD => threshold_events(&head, image),
        voucher::VOUCHER => voucher_events(&head, image),
        card::CARD => card_events(&head, image),
        // What other systems hear stands in the change beside it.
        party::PARTY => search_events(&head, image),
        recalculation::RECALCULATION => recalculation_events(&head, image),
        party::CHANGE => party_events(&head, image),
        workflow::WORKFLOW => happened_events(&head, image),
        workflow::EFFECT => effect_events(&head, image),
        erasure::ERASURE => erasure_events(&head, image),
        _ => Err(NotUnderstood::Topic),
    }
}

/// `kind#tenant#rest` of a partition key.
fn split_partition<'a>(pk: &'a str, kind: &str) -> Result<(Tenant, &'a str), NotUnderstood> {
    let (tenant, rest) = pk
        .strip_prefix(kind)
        .and_then(|rest| rest.strip_prefix('#'))
        .and_then(|rest| rest.split_once('#'))
        .ok_or(NotUnderstood::Key)?;
    Ok((tenant.parse().map_err(|_| NotUnderstood::Key)?, rest))
}

fn receipt_events(head: &Head, image: serde_dynamo::Item) -> Result<Vec<Event>, NotUnderstood> {
    let (tenant, _) = split_partition(&head.pk, "RECEIPT")?;
    let stored = Record::<StoredReceipt>::from_image(image)
        .map_err(NotUnderstood::Shape)?
        .d;
    let taken_back = stored.taken_back();
    Ok(vec![Event::Posting(PostingMessage::PostReceipt {
        tenant,
        receipt: stored.receipt.key,
        party: stored.account,
        programme: stored.programme,
        taken_back,
    })])
}

fn return_events(head: &Head, image: serde_dynamo::Item) -> Result<Vec<Event>, NotUnderstood> {
    let (tenant, _) = split_partition(&head.pk, "RECEIPT")?;
    let stored = Record::<StoredReturn>::from_image(image)
        .map_err(NotUnderstood::Shape)?
        .d;
    let party = stored.account.ok_or(NotUnderstood::Topic)?;
    Ok(vec![Event::Posting(PostingMessage::PostReturn {
        tenant,
        back: stored.back.key,
        party,
        programme: stored.programme,
    })])
}

fn threshold_events(head: &Head, image: serde_dynamo::Item) -> Result<Vec<Event>, NotUnderstood> {
    let (tenant, party) = split_partition(&head.pk, "PARTY")?;
    let party: PartyId = party.parse().map_err(|_| NotUnderstood::Key)?;
    let programme = head.sk.strip_prefix(account::PREFIX).ok_or(NotUnderstood::Key)?;
    let programme: ProgrammeId = programme.parse().map_err(|_| NotUnderstood::Key)?;
    Record::<Account>::from_image(image).map_err(NotUnderstood::Shape)?;
    Ok(vec![Event::Issuance(IssuanceMessage::Threshold {
        tenant,
        party,
        programme,
    })])
}

fn voucher_events(head: &Head, image: serde_dynamo::Item) -> Result<Vec<Event>, NotUnderstood> {
    let (tenant, lookup) = voucher::parse_partition(&head.pk).ok_or(NotUnderstood::Key)?;
    let voucher = Record::from_image(image).map_err(NotUnderstood::Shape)?.d;
    let counted = result(&tenant, &lookup, &voucher).map(Event::Result);
    let change = store::feed::Change { lookup, voucher };
    let published = Event::Voucher(Box::new(TenantChange { tenant, change }));
    Ok(std::iter::once(published).chain(counted).collect())
}

/// What the results of its run hear of a voucher; `None` of one that no run gave, or while a basket holds it.
fn result(tenant: &Tenant, lookup: &LookupKey, voucher: &Voucher) -> Option<CampaignResultMessage> {
    Some(CampaignResultMessage::Voucher {
        tenant: tenant.clone(),
        run: voucher.number.run()?.clone(),
        voucher: lookup.clone(),
        change: tally::Change::of(voucher)?,
    })
}

fn party_events(head: &Head, image: serde_dynamo::Item) -> Result<Vec<Event>, NotUnderstood> {
    let (tenant, party) = split_partition(&head.pk, "PARTY")?;
    let party: PartyId = party.parse().map_err(|_| NotUnderstood::Key)?;
    let record = Record::<party::Change>::from_image(image).map_err(NotUnderstood::Shape)?;
    let kind = match record.d.kind {
        party::ChangeKind::Created => "created",
        party::ChangeKind::Changed => "changed",
        party::ChangeKind::Erased => "erased",
    };
    // What a workflow made starts none.
    let looked_at = (!workflow::is_own(record.by.as_ref())).then(|| {
        Event::Workflow(WorkflowMessage::Changed {
            tenant: tenant.clone(),
            party: party.clone(),
            change: head.sk.clone(),
            at: record.updated_at,
        })
    });
    let heard = Event::Party(PartyMessage {
        tenant,
        party_id: party,
        version: record.d.version,
        kind: kind.to_owned(),
        fields: record.d.fields,
        at: record.updated_at,
        workflow: None,
    });
    Ok(std::iter::once(heard).chain(looked_at).collect())
}

/// A change of a task, an opportunity or an invoice.
fn happened_events(head: &Head, image: serde_dynamo::Item) -> Result<Vec<Event>, NotUnderstood> {
    let (tenant, party) = split_partition(&head.pk, "PARTY")?;
    let party: PartyId = party.parse().map_err(|_| NotUnderstood::Key)?;
    let record = Record::<workflow::Happened>::from_image(image).map_err(NotUnderstood::Shape)?;
    Ok(vec![Event::Workflow(WorkflowMessage::Changed {
        tenant,
        party,
        change: head.sk.clone(),
        at: record.updated_at,
    })])
}

/// What a workflow tells other systems.
fn effect_events(head: &Head, image: serde_dynamo::Item) -> Result<Vec<Event>, NotUnderstood> {
    let (tenant, party) = split_partition(&head.pk, "PARTY")?;
    let party: PartyId = party.parse().map_err(|_| NotUnderstood::Key)?;
    let record = Record::<workflow::Effect>::from_image(image).map_err(NotUnderstood::Shape)?;
    let effect = record.d;
    let event = effect.event.ok_or(NotUnderstood::Topic)?;
    Ok(vec![Event::Party(PartyMessage {
        tenant,
        party_id: party,
        version: effect.version,
        kind: "workflow".to_owned(),
        fields: Vec::new(),
        at: record.updated_at,
        workflow: Some(WorkflowNews {
            event,
            workflow: effect.workflow,
            effect: effect.name,
        }),
    })])
}

fn erasure_events(head: &Head, image: serde_dynamo::Item) -> Result<Vec<Event>, NotUnderstood> {
    let (tenant, party) = split_partition(&head.pk, "PARTY")?;
    let party: PartyId = party.parse().map_err(|_| NotUnderstood::Key)?;
    Record::<erasure::Erasure>::from_image(image).map_err(NotUnderstood::Shape)?;
    Ok(vec![Event::Privacy(PrivacyMessage::Erase { tenant, party })])
}

fn recalculation_events(head: &Head, image: serde_dynamo::Item) -> Result<Vec<Event>, NotUnderstood> {
    let (tenant, _) = split_partition(&head.pk, "RECALC")?;
    let run = Record::<recalculation::Run>::from_image(image)
        .map_err(NotUnderstood::Shape)?
        .d
        .id;
    Ok(vec![Event::Recalculation(RecalculationMessage::Begin { tenant, run })])
}

fn card_events(head: &Head, image: serde_dynamo::Item) -> Result<Vec<Event>, NotUnderstood> {
    let (tenant, lookup) = split_partition(&head.pk, "CARD")?;
    let card = lookup.parse().map_err(|_| NotUnderstood::Key)?;
    let record = Record::<card::Card>::from_image(image).map_err(NotUnderstood::Shape)?;
    let leads = record.d.leads_to().is_some();
    Ok(leads
        .then_some(Event::Posting(PostingMessage::SettleCard { tenant, card }))
        .into_iter()
        .collect())
}

/// All that the search index needs of a profile: which party it is, and the version.
#[derive(Deserialize)]
struct Versioned {
    version: u64,
}

fn search_events(head: &Head, image: serde_dynamo::Item) -> Result<Vec<Event>, NotUnderstood> {
    let (tenant, party) = split_partition(&head.pk, "PARTY")?;
    let party: PartyId = party.parse().map_err(|_| NotUnderstood::Key)?;
    let version = Record::<Versioned>::from_image(image)
        .map_err(NotUnderstood::Shape)?
        .d
        .version;
    let message = SearchIndexMessage::Party { tenant, party, version };
    Ok(vec![Event::SearchIndex(message)])
}
