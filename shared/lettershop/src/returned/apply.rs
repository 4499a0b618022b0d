//! What a return does to the party's document.

use chrono::NaiveDate;
use party::change::{self, Sight, Statement, Wanted, When};
use party::contact::{Arrives, Contact, ContactId, Deliverability, Point, Postal};
use party::dated::{Classification, Permission, Permitted};
use party::types::PartyTypes;
use party::{PartyDocument, Personal, Word};
use serde::{Deserialize, Serialize};

use super::{Effect, Reason, Standing};

/// The class of parties that were reported dead, where the tenant has it.
const DECEASED: &str = "deceased";
/// The class of parties that may object to advertising, where the tenant has it.
const OBJECTION: &str = "objection-candidate";
/// Where withdrawals that follow from a return come from.
const SOURCE: &str = "returned-mail";

/// A letter that came back.
#[derive(Debug, Clone, Copy)]
pub struct Came<'a> {
    /// The address to which it was sent.
    pub contact: ContactId,
    /// Why it came back.
    pub reason: Reason,
    /// Where the addressee lives now, if the carrier says so.
    pub new_address: Option<&'a Postal>,
}

/// What was done of the effects of a return.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ReturnDone))]
pub enum Done {
    /// Nothing more is sent to the address until it is corrected or confirmed.
    AddressBlocked,
    /// The new address is the party's.
    AddressAdded,
    /// The letter's address has ended.
    AddressEnded,
    /// A task is open.
    TaskOpened,
    /// The party said no to every channel, as far as the books go.
    ChannelsStopped,
    /// As many channels were stopped as the party can have statements about. Somebody must see to the others.
    SomeChannelsStopped,
    /// Somebody decides whether the party objects to advertising.
    ObjectionCandidate,
}

/// What has become of the address to which a letter was sent that came back on a day. One that was confirmed since is not the
/// one that the return tells about: the letter was on its way before.
pub fn standing(document: &PartyDocument, contact: ContactId, returned_on: NaiveDate, today: NaiveDate) -> Standing {
    let confirmed = |known: &Contact| {
        let delivery = known.delivery.as_ref();
        delivery.is_some_and(|known| known.arrives == Arrives::Confirmed && known.since.date_naive() >= returned_on)
    };
    let stands = |known: &&Contact| known.id == contact && known.stands(today) && !confirmed(known);
    if document.contacts.iter().any(|known| stands(&known)) {
        Standing::Current
    } else {
        Standing::Replaced
    }
}

/// Does to the document what is due, in order, and tells what was done. Tasks are told, and left to the caller.
///
/// A new address for which the party has no room, or that is the old one, ends nothing: the old one is blocked, for a letter came
/// back from it.
pub fn apply(
    document: &mut PartyDocument,
    due: &[Effect],
    came: &Came<'_>,
    types: &PartyTypes,
    when: When,
) -> Vec<Done> {
    let (mut done, mut kept) = (Vec::new(), false);
    for effect in due {
        match effect {
            Effect::BlockAddress => done.extend(block(document, came, when)),
            Effect::NewAddress => match replace(document, came, when) {
                Some(id) if id != came.contact => done.push(Done::AddressAdded),
                _ => {
                    kept = true;
                    done.extend(block(document, came, when));
                }
            },
            Effect::EndAddress if kept => {}
            Effect::EndAddress => {
                let ended = document.end_contact(came.contact, None, when);
                done.extend(ended.is_ok().then_some(Done::AddressEnded));
            }
            Effect::OpenTask { .. } => done.push(Done::TaskOpened),
            Effect::Deceased => done.extend(stop(document, types, when)),
            Effect::ObjectionCandidate => {
                classify(document, OBJECTION, types, when);
                done.push(Done::ObjectionCandidate);
            }
        }
    }
    done
}

fn block(document: &mut PartyDocument, came: &Came<'_>, when: When) -> Option<Done> {
    let mut contacts = document.contacts.iter_mut();
    let known = contacts.find(|known| known.id == came.contact)?;
    let blocked = |known: &Deliverability| known.arrives == Arrives::Undeliverable;
    if !known.delivery.as_ref().is_some_and(blocked) {
        known.delivery = Some(Deliverability {
            arrives: Arrives::Undeliverable,
            reason: came.reason.as_str().parse().ok(),
            since: when.now,
        });
    }
    Some(Done::AddressBlocked)
}

/// Adds the new address for what the old one is for; `None` when there is none, or no room for it.
fn replace(document: &mut PartyDocument, came: &Came<'_>, when: When) -> Option<ContactId> {
    let known = document.contacts.iter().find(|known| known.id == came.contact)?;
    let wanted = Wanted {
        point: Point::Postal(came.new_address?.clone()),
        purposes: Some(known.purposes.clone()),
        valid_from: None,
        valid_until: None,
        language: Some(known.language),
        delivery: None,
    };
    document.add_contact(wanted, Sight::Seen, when).ok()
}

/// Withdraws all channels of the tenant, and puts the party among the deceased.
fn stop(document: &mut PartyDocument, types: &PartyTypes, when: When) -> Option<Done> {
    let source: Word = SOURCE.parse().ok()?;
    let mut all = true;
    for channel in &types.communication_channels {
        let stands = change::standing(&document.consents, &channel.code);
        if stands.is_some_and(|stands| stands.state == Permitted::Withdrawn) {
            continue;
        }
        let statement = Statement {
            said: Permission {
                name: channel.code.clone(),
                state: Permitted::Withdrawn,
                since: when.now,
                until: None,
                source: source.clone(),
                text_version: None,
                proof: None,
            },
            asked: None,
            dated: true,
        };
        all &= document.consent(statement, channel.double_opt_in, Sight::Seen).is_ok();
    }
    classify(document, DECEASED, types, when);
    Some(if all {
        Done::ChannelsStopped
    } else {
        Done::SomeChannelsStopped
    })
}

/// Puts the party in a class that the tenant has; one that it is in stays as it is, and where there is no room nothing happens.
fn classify(document: &mut PartyDocument, class: &str, types: &PartyTypes, when: When) {
    let known = types.classifications.iter().find(|known| known.code.as_str() == class);
    let Some(known) = known else { return };
    let mut classes = document.classifications.iter();
    if classes.any(|entry| entry.class == known.code && entry.holds(when.now)) {
        return;
    }
    let wanted = Classification {
        class: known.code.clone(),
        reason: Personal::new("A letter came back".to_owned()),
        since: when.now,
        until: None,
        no_vouchers: known.no_vouchers,
    };
    // The only refusal is that the party is in as many classes as it can be; tasks and channels say the rest.
    let _ = document.classify(wanted, Sight::Seen, when);
}
