//! The card of a row. A card that leads to another party rejects the row; one that nobody has issued is issued.

use chrono::{DateTime, Utc};
use domain::card::CardStatus;
use domain::id::PartyId;
use party::row::Flaw;
use store::Site;
use store::card::{self, Card, CardChange, CardsChanged};
use store::db::Read;
use store::party::import::{self, Imported, Outcome};

use crate::part::{RowDone, Task};
use crate::row::Said;
use crate::{App, ImportError};

/// What is to be done with a card.
enum Decision {
    /// It is the party's.
    Keep,
    /// It becomes the party's.
    Change(Box<Card>),
    /// It is somebody else's, or out of use.
    Taken,
}

fn decide(card: Option<&Card>, party: &PartyId, now: DateTime<Utc>) -> Decision {
    match card {
        None => Decision::Change(Box::new(Card::active(party.clone(), now))),
        Some(card) if card.party.as_ref() == Some(party) => Decision::Keep,
        Some(card) if card.party.is_none() && card.status == CardStatus::Unregistered => {
            Decision::Change(Box::new(Card {
                status: CardStatus::Active,
                party: Some(party.clone()),
                version: card.version.saturating_add(1),
                registered_at: Some(now),
                ..card.clone()
            }))
        }
        Some(_) => Decision::Taken,
    }
}

fn taken() -> Flaw {
    let reason = "the card is another party's, blocked or replaced: look it up, and leave it out or mend it";
    Flaw::new("card", "card_taken", reason)
}

impl App {
    /// Why the card of a row cannot become the party's, before anything of the row is stored.
    pub(crate) async fn card_flaw(
        &self,
        task: &Task<'_>,
        said: &Said,
        party: &PartyId,
    ) -> Result<Option<Flaw>, ImportError> {
        let Some(number) = &said.wanted.card else {
            return Ok(None);
        };
        let lookup = card::lookup_key(self.pepper.bytes(), number);
        let stands = card::read(&self.db, Site::ImportCard, task.tenant, &lookup, Read::Strong).await?;
        let decision = decide(stands.as_ref().map(|stands| &stands.d), party, task.made.at);
        Ok(matches!(decision, Decision::Taken).then(taken))
    }

    /// Makes the card of a row the party's, once the rest of the row is stored, and notes that; `None` when others were quicker.
    /// A card that a file no longer names stays: cards are blocked and replaced at the desk.
    pub(crate) async fn card(&self, task: &Task<'_>, said: &Said) -> Result<Option<RowDone>, ImportError> {
        let known = import::known_row(&self.db, Site::ImportKnown, task.tenant, &said.lookup, Read::Strong).await?;
        let Some(known) = known else { return Ok(None) };
        let last = known.d.imported.as_ref();
        let Some(last) = last.filter(|last| last.place == said.place) else {
            return Ok(None);
        };
        if let Some(number) = &said.wanted.card {
            let party = &known.d.known.party;
            let lookup = card::lookup_key(self.pepper.bytes(), number);
            let before = card::read(&self.db, Site::ImportCard, task.tenant, &lookup, Read::Strong).await?;
            match decide(before.as_ref().map(|before| &before.d), party, task.made.at) {
                Decision::Keep => {}
                Decision::Taken => return Ok(Some(RowDone::Rejected(vec![taken()]))),
                Decision::Change(after) => {
                    let change = CardChange {
                        number: number.clone(),
                        lookup,
                        before,
                        after: *after,
                    };
                    let changes = std::slice::from_ref(&change);
                    let (db, made) = (&self.db, &task.made);
                    match card::commit(db, Site::ImportCardWrite, task.tenant, changes, made).await? {
                        CardsChanged::Done => {}
                        CardsChanged::Stale | CardsChanged::PartyUnknown => return Ok(None),
                    }
                }
            }
        }
        // A card that is named anew counts as a change, also when it was the party's already: only so a repeated row counts the same.
        let outcome = match last.outcome {
            Outcome::Unchanged => Outcome::Changed,
            outcome => outcome,
        };
        let mut fields = last.fields.clone();
        match said.hashes.get("card").cloned().flatten() {
            Some(hash) => drop(fields.insert("card".to_owned(), hash)),
            None => drop(fields.remove("card")),
        }
        let imported = Imported {
            outcome,
            fields,
            ..last.clone()
        };
        let noted = import::note_row(&self.db, Site::ImportChange, &known, imported, &task.made).await?;
        Ok(noted.then_some(RowDone::As(outcome)))
    }
}
