//! An adjustment as the API shows it.

use domain::adjustment::{Adjustment, Booked, Kind, State};
use domain::id::{LookupKey, PartyId};
use domain::voucher::{VoucherNumber, voucher_id};
use http_edge::api::adjustments::{AdjustmentEntry, AdjustmentKind, AdjustmentStatus, AdjustmentView};
use http_edge::{Problem, Response};

/// The answer to a call that changed something, or only looks.
pub(crate) fn answer(status: u16, id: &LookupKey, adjustment: &Adjustment) -> Result<Response, Problem> {
    Response::json(status, &view(id, adjustment))
}

/// The answer to a call that was made before.
pub(crate) fn replayed(status: u16, id: &LookupKey, adjustment: &Adjustment) -> Result<Response, Problem> {
    Ok(answer(status, id, adjustment)?.header("idempotency-replayed", "true"))
}

pub(crate) fn view(id: &LookupKey, adjustment: &Adjustment) -> AdjustmentView {
    let (kind, to) = match &adjustment.kind {
        Kind::Correction => (AdjustmentKind::Correction, None),
        Kind::Transfer { to } => (AdjustmentKind::Transfer, Some(to)),
        Kind::VoucherVoid { .. } => (AdjustmentKind::VoucherVoid, None),
        Kind::VoucherBlock { .. } => (AdjustmentKind::VoucherBlock, None),
        Kind::VoucherUnblock { .. } => (AdjustmentKind::VoucherUnblock, None),
        Kind::VoucherExtend { .. } => (AdjustmentKind::VoucherExtend, None),
        Kind::VoucherReissue { .. } => (AdjustmentKind::VoucherReissue, None),
    };
    let number = adjustment.kind.voucher();
    let id_of = |number| voucher_id(&adjustment.party, &adjustment.programme, number);
    let view = AdjustmentView {
        id: id.to_string(),
        kind,
        status: AdjustmentStatus::AwaitingApproval,
        party_id: adjustment.party.to_string(),
        to: to.map(PartyId::to_string),
        voucher: number.and_then(VoucherNumber::over_threshold),
        voucher_id: number.map(id_of),
        valid_until: match &adjustment.kind {
            Kind::VoucherExtend { until, .. } => Some(*until),
            _ => None,
        },
        reissued_as: match &adjustment.kind {
            Kind::VoucherReissue { number } => number.next().as_ref().map(id_of),
            _ => None,
        },
        programme: adjustment.programme.to_string(),
        points: adjustment.points,
        reason: adjustment.reason.clone(),
        author: adjustment.author.to_string(),
        client: adjustment.client.to_string(),
        asked_at: adjustment.asked_at,
        decided_by: None,
        decided_at: None,
        rejection: None,
        entries: Vec::new(),
    };
    match &adjustment.state {
        State::AwaitingApproval => view,
        State::Posted { at, approver, entries } => AdjustmentView {
            status: AdjustmentStatus::Posted,
            decided_by: approver.as_ref().map(ToString::to_string),
            decided_at: Some(*at),
            entries: holders(adjustment).zip(entries).map(entry).collect(),
            ..view
        },
        State::Rejected { at, by, reason } => AdjustmentView {
            status: AdjustmentStatus::Rejected,
            decided_by: Some(by.to_string()),
            decided_at: Some(*at),
            rejection: Some(reason.clone()),
            ..view
        },
    }
}

/// The holders of the accounts, in the order of the entries.
fn holders(adjustment: &Adjustment) -> impl Iterator<Item = &PartyId> {
    let receiver = match &adjustment.kind {
        Kind::Transfer { to } => Some(to),
        _ => None,
    };
    std::iter::once(&adjustment.party).chain(receiver)
}

fn entry((party, booked): (&PartyId, &Booked)) -> AdjustmentEntry {
    AdjustmentEntry {
        party_id: party.to_string(),
        version: booked.version,
        business_date: booked.business_date,
        points: booked.points,
        balance_after: booked.balance_after,
        pending_after: booked.pending_after,
        programme_version: booked.programme_version,
    }
}
