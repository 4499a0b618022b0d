//! Entries and sums as the API shows them.

use domain::money::Money;
use domain::offline::First;
use http_edge::api::offline::{EntryAnswer, LossView};
use http_edge::api::vouchers::Redemption;
use store::Record;
use store::offline::Entry;

use crate::fields::Told;

/// The decision on an entry, as the answer to a call that told it.
pub(crate) fn entry_answer(told: &Told, entry: &Entry, replayed: bool) -> EntryAnswer {
    let (verdict, loss) = (&entry.verdict, entry.verdict.loss.as_ref());
    let money = |minor| Money::new(minor, entry.currency);
    EntryAnswer {
        number: told.taken.number,
        receipt: entry.taken.receipt.to_string(),
        outcome: verdict.outcome,
        booked: money(verdict.booked_minor),
        lost: money(loss.map_or(0, |loss| loss.minor)),
        reason: loss.map(|loss| loss.reason),
        bearer: loss.map(|loss| loss.bearer),
        breaches: verdict.breaches.clone(),
        redemption: loss.and_then(|loss| loss.first.as_ref()).map(redemption),
        replayed,
        contradicts: !entry.taken.tells_the_same(&told.taken),
    }
}

/// An entry in the list of losses; `None` when nothing is lost on it.
pub(crate) fn loss_view(record: Record<Entry>) -> Option<LossView> {
    let Entry {
        taken,
        currency,
        verdict,
        ..
    } = record.d;
    let loss = verdict.loss?;
    Some(LossView {
        receipt: taken.receipt.to_string(),
        at: taken.at,
        decided_at: record.created_at,
        booked: Money::new(verdict.booked_minor, currency),
        lost: Money::new(loss.minor, currency),
        reason: loss.reason,
        bearer: loss.bearer,
        breaches: verdict.breaches,
        redemption: loss.first.as_ref().map(redemption),
    })
}

fn redemption(first: &First) -> Redemption {
    Redemption {
        location: first.receipt.store.to_string(),
        till: first.receipt.till.to_string(),
        business_date: first.receipt.business_date,
        at: first.at,
    }
}
