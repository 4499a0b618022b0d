//! A row becomes a party, or changes one.

use std::collections::BTreeMap;

use domain::code;
use domain::id::{LookupKey, PartyId};
use party::read::Context;
use party::row::{self, Flaw, Kept, Row, Wanted};
use store::db::Read;
use store::party::import::{self, Imported, KnownRow, Outcome, Place, RowStored};
use store::{Record, Site, StoreError};
use uuid::Uuid;

use crate::part::{RowDone, Task};
use crate::{App, ImportError};

/// Rounds against others who import the same row.
const ROUNDS_MAX: usize = 8;
/// Symbols of a kept hash: 80 bits, within one party.
const HASH_SYMBOLS: usize = 16;

/// A row with its keyed hashes.
pub(crate) struct Said {
    pub(crate) wanted: Wanted,
    pub(crate) lookup: LookupKey,
    pub(crate) place: Place,
    /// Hashes of what the row says, by field; `None` where it says that there is nothing.
    pub(crate) hashes: BTreeMap<String, Option<String>>,
}

impl Said {
    /// Fields in which the row differs from what was said the last time.
    fn anew(&self, last: Option<&Imported>) -> Vec<&str> {
        let before = |field: &str| last.and_then(|last| last.fields.get(field));
        let differs = self
            .hashes
            .iter()
            .filter(|(field, hash)| before(field) != hash.as_ref());
        differs.map(|(field, _)| field.as_str()).collect()
    }

    /// What is known to be said after this row; its card only once it is registered.
    fn fields(&self, last: Option<&Imported>) -> BTreeMap<String, String> {
        let mut fields = last.map_or_else(BTreeMap::new, |last| last.fields.clone());
        for (field, hash) in self.hashes.iter().filter(|(field, _)| *field != "card") {
            match hash {
                Some(hash) => drop(fields.insert(field.clone(), hash.clone())),
                None => drop(fields.remove(field)),
            }
        }
        fields
    }
}

fn id_ended() -> Flaw {
    let reason = "the id was taken away from its party: correct it, or give it to a party again first";
    Flaw::new("external_id", "id_ended", reason)
}

impl App {
    /// Imports a row that begins at `at`. Done again after a crash, it comes to the same.
    pub(crate) async fn row(&self, task: &Task<'_>, at: u64, line: Option<&[u8]>) -> Result<RowDone, ImportError> {
        match Box::pin(self.take_row(task, at, line)).await {
            Err(ImportError::Store(StoreError::Erased(_))) => {
                let reason =
                    "the party of this id was erased, and nothing brings it back: take the row out of the file";
                let flaw = Flaw::new("external_id", "party_erased", reason);
                Ok(RowDone::Rejected(vec![flaw]))
            }
            done => done,
        }
    }

    async fn take_row(&self, task: &Task<'_>, at: u64, line: Option<&[u8]>) -> Result<RowDone, ImportError> {
        let wanted = match read(task, line) {
            Ok(wanted) => wanted,
            Err(flaws) => return Ok(RowDone::Rejected(flaws)),
        };
        let said = self.said(task, at, wanted);
        let mut read = Read::Eventual;
        for _ in 0..ROUNDS_MAX {
            let known = import::known_row(&self.db, Site::ImportKnown, task.tenant, &said.lookup, read).await?;
            read = Read::Strong;
            let done = match known {
                None => self.new_party(task, &said).await?,
                Some(known) if known.d.known.ended.is_some() => return Ok(RowDone::Rejected(vec![id_ended()])),
                Some(known) => self.known_party(task, &said, &known).await?,
            };
            if let Some(done) = done {
                return Ok(done);
            }
        }
        Err(ImportError::Contended)
    }

    fn said(&self, task: &Task<'_>, at: u64, wanted: Wanted) -> Said {
        let pepper = self.pepper.bytes();
        let id = format!("{}#{}", wanted.system, wanted.external_id.as_str());
        let lookup = code::lookup_key(pepper, "external/1", id.as_bytes());
        let hash = |field: &str, said: &str| {
            // With the party's id in it, the same name in two parties has two hashes.
            let text = format!("{lookup}\n{field}\n{said}");
            let hash = code::lookup_key(pepper, "import/1", text.as_bytes());
            hash.as_str().chars().take(HASH_SYMBOLS).collect::<String>()
        };
        let hashes = wanted.says.iter().map(|(field, said)| {
            let said = said.as_ref().map(|said| hash(field, said.as_str()));
            (field.clone(), said)
        });
        let hashes = hashes.collect();
        Said {
            wanted,
            lookup,
            place: Place {
                run: task.run.id.clone(),
                revision: task.run.revision,
                at,
            },
            hashes,
        }
    }

    /// Stores the party of a row; `None` when others were quicker.
    async fn new_party(&self, task: &Task<'_>, said: &Said) -> Result<Option<RowDone>, ImportError> {
        let mut document = said.wanted.document.clone();
        if let Some(flaw) = self.card_flaw(task, said, &document.party).await? {
            return Ok(Some(RowDone::Rejected(vec![flaw])));
        }
        document.lookups = vec![said.lookup.clone()];
        let contacts: Kept = document
            .contacts
            .iter()
            .map(|contact| (contact.point.kind().to_owned(), contact.id))
            .collect();
        let imported = Imported {
            place: said.place.clone(),
            outcome: Outcome::Created,
            fields: said.fields(None),
            contacts,
        };
        let (db, row) = (&self.db, (&said.lookup, imported));
        if !import::create_row(db, Site::ImportCreate, task.tenant, &document, row, &task.made).await? {
            return Ok(None);
        }
        if said.wanted.card.is_none() {
            return Ok(Some(RowDone::As(Outcome::Created)));
        }
        self.card(task, said).await
    }

    /// Does a row about a party that stands; `None` when others were quicker.
    async fn known_party(
        &self,
        task: &Task<'_>,
        said: &Said,
        known: &Record<KnownRow>,
    ) -> Result<Option<RowDone>, ImportError> {
        let last = known.d.imported.as_ref();
        let is_this = last.is_some_and(|last| last.place == said.place);
        let anew = said.anew(last);
        if anew.is_empty() {
            // This row came so far before a crash, or says what was said before.
            let outcome = last.filter(|_| is_this).map_or(Outcome::Unchanged, |last| last.outcome);
            return Ok(Some(RowDone::As(outcome)));
        }
        let twice = last.is_some_and(|last| last.place.run == said.place.run && last.place.at != said.place.at);
        if twice {
            let reason =
                "another row of this file has the same id and says something else: only one of them is imported";
            return Ok(Some(RowDone::Rejected(vec![Flaw::new(
                "external_id",
                "row_twice",
                reason,
            )])));
        }
        let has_card = anew.contains(&"card");
        if has_card && let Some(flaw) = self.card_flaw(task, said, &known.d.known.party).await? {
            return Ok(Some(RowDone::Rejected(vec![flaw])));
        }
        let only_card = is_this && anew == ["card"];
        if !only_card {
            match self.change(task, said, known, &anew).await? {
                RowStored::Done(outcome) if !has_card => return Ok(Some(RowDone::As(outcome))),
                RowStored::Done(_) => {}
                RowStored::Stale => return Ok(None),
                RowStored::Missing => {
                    let reason = "the party of this id is not there any more, and an import does not bring it back";
                    return Ok(Some(RowDone::Rejected(vec![Flaw::new(
                        "external_id",
                        "party_gone",
                        reason,
                    )])));
                }
                RowStored::Refused(flaw) => return Ok(Some(RowDone::Rejected(vec![flaw]))),
            }
        }
        self.card(task, said).await
    }

    async fn change(
        &self,
        task: &Task<'_>,
        said: &Said,
        known: &Record<KnownRow>,
        anew: &[&str],
    ) -> Result<RowStored<Flaw>, ImportError> {
        let last = known.d.imported.as_ref();
        let imported = Imported {
            place: said.place.clone(),
            outcome: Outcome::Unchanged,
            fields: said.fields(last),
            contacts: Kept::new(),
        };
        let contacts = last.map_or_else(Kept::new, |last| last.contacts.clone());
        let sites = (Site::ImportParty, Site::ImportChange);
        let stored = import::change_row(
            &self.db,
            sites,
            (task.tenant, known),
            (&imported, task.when, &task.made),
            |document| {
                let mut kept = contacts.clone();
                row::apply(document, &said.wanted, anew, &mut kept, task.when)?;
                Ok(kept)
            },
        );
        Ok(stored.await?)
    }
}

/// The party that a line describes.
fn read(task: &Task<'_>, line: Option<&[u8]>) -> Result<Wanted, Vec<Flaw>> {
    let Some(line) = line else {
        let reason = format!("the line is longer than {} bytes", row::LINE_MAX);
        return Err(vec![Flaw::of_line("line_too_long", reason)]);
    };
    let row = match &task.form.header {
        Some(header) => Row::of_columns(line, header),
        None => row::json_row(line),
    };
    let row = row.map_err(|flaw| vec![flaw])?;
    let id = Uuid::new_v4().to_string().parse::<PartyId>();
    let id = id.map_err(|_| vec![Flaw::of_line("internal", "no id could be made")])?;
    let with = Context {
        types: &task.types,
        company: &task.company,
        when: task.when,
    };
    row::wanted(&row, task.form.system.as_ref(), id, with)
}
