//! Letters are taken back (P4, X13), each by itself and once: whoever repeats a call that broke down gets on with what is missing.

use std::collections::BTreeMap;

use domain::calendar::plus_days;
use domain::code;
use domain::id::{LookupKey, PartyId};
use domain::secret::Secret;
use futures::stream::{self, StreamExt, TryStreamExt};
use http_edge::api::lettershop::{LetterReturnOutcome, LetterReturnView};
use http_edge::intake::Rules;
use http_edge::{Caller, Problem};
use lettershop::returned::{self, Came, Effect, EffectRules, Standing, apply, effects};
use party::PartyDocument;
use party::contact::ContactId;
use serde_json::json;
use store::Site;
use store::desk::{Step, Task, TaskStatus};
use store::returned_mail::{self as mail, Letter, Outcome, Piece, Returned, Sites, TakenBack};

use crate::App;
use crate::returns::Reported;

/// Parties whose letters are taken back at the same time.
const AT_ONCE: usize = 16;

const SITES: Sites = Sites {
    party: Site::ShopParty,
    returned: Site::ShopReturned,
    write: Site::ShopTakeBack,
};

/// What all letters of a call, or of a step of a file, share.
pub(crate) struct Desk<'a> {
    pub(crate) caller: &'a Caller,
    pub(crate) effects: &'a EffectRules,
    pub(crate) rules: &'a Rules,
    pub(crate) reported: &'a [Reported],
    /// The file that says so.
    pub(crate) file: Option<&'a str>,
}

impl App {
    /// Takes letters back; what became of each, in their order.
    pub(crate) async fn taken_back(&self, desk: &Desk<'_>) -> Result<Vec<LetterReturnView>, Problem> {
        let Desk {
            caller,
            rules,
            reported,
            ..
        } = *desk;
        let pieces: Vec<String> = reported.iter().map(|letter| letter.piece.to_string()).collect();
        let known = mail::letters(&self.db, Site::ShopLetters, &caller.tenant, &pieces).await?;
        let mut views = Vec::with_capacity(reported.len());
        let mut of_parties: BTreeMap<PartyId, Vec<(usize, Letter)>> = BTreeMap::new();
        for (index, letter) in reported.iter().enumerate() {
            let outcome = match known.get(letter.piece.as_str()) {
                None => LetterReturnOutcome::UnknownPiece,
                // The table drops items late.
                Some(stored) if stored.ttl.is_some_and(|ends| ends <= rules.when.now.timestamp()) => {
                    LetterReturnOutcome::RunTooOld
                }
                Some(stored) => match &stored.d.party {
                    None => LetterReturnOutcome::PlantedAddress,
                    Some(party) => {
                        let letters = of_parties.entry(party.clone()).or_default();
                        letters.push((index, stored.d.clone()));
                        // Until it is looked at.
                        LetterReturnOutcome::PartyGone
                    }
                },
            };
            views.push(view(letter, outcome, None));
        }
        let taken = stream::iter(of_parties)
            .map(|(party, letters)| self.of_party(desk, party, letters))
            .buffer_unordered(AT_ONCE);
        for (index, one) in taken.try_collect::<Vec<_>>().await?.into_iter().flatten() {
            if let Some(view) = views.get_mut(index) {
                *view = one;
            }
        }
        let applied = views.iter().filter(|view| view.outcome == LetterReturnOutcome::Applied);
        let applied = applied.count();
        tracing::info!(client = %caller.client, letters = views.len(), applied, "letters came back");
        Ok(views)
    }

    /// The letters of a party one after another, the oldest return first: what the second one does depends on the first.
    async fn of_party(
        &self,
        desk: &Desk<'_>,
        party: PartyId,
        letters: Vec<(usize, Letter)>,
    ) -> Result<Vec<(usize, LetterReturnView)>, Problem> {
        let mut letters: Vec<_> = letters
            .into_iter()
            .filter_map(|(index, letter)| Some((index, desk.reported.get(index)?, letter)))
            .collect();
        letters.sort_by_key(|(_, reported, _)| reported.returned_on);
        let mut views = Vec::with_capacity(letters.len());
        let made = desk.caller.made(desk.rules.when.now);
        for (index, reported, letter) in letters {
            let of = Piece {
                tenant: &desk.caller.tenant,
                piece: reported.piece.as_str(),
                revision: letter.revision,
                party: &party,
                contact: letter.contact.unwrap_or(ContactId(0)),
            };
            let decide = |document: &PartyDocument, earlier: &[Returned]| {
                desk.outcome(of, (reported, &letter), document, earlier)
            };
            let taken = mail::take_back(&self.db, SITES, of, (desk.rules.when, &made), decide).await?;
            let view = match taken {
                TakenBack::Now(note) => view(reported, LetterReturnOutcome::Applied, Some(note)),
                // A step of a file that is done again, after a crash or by a second worker, says what it said the first time.
                TakenBack::Before(note) if desk.file.is_some() && note.file.as_deref() == desk.file => {
                    view(reported, LetterReturnOutcome::Applied, Some(note))
                }
                TakenBack::Before(note) => view(reported, LetterReturnOutcome::AlreadyKnown, Some(note)),
                TakenBack::NoParty => view(reported, LetterReturnOutcome::PartyGone, None),
            };
            views.push((index, view));
        }
        Ok(views)
    }
}

impl Desk<'_> {
    /// What a return does to the party as it stands.
    fn outcome(
        &self,
        of: Piece<'_>,
        (reported, letter): (&Reported, &Letter),
        document: &PartyDocument,
        earlier: &[Returned],
    ) -> Outcome {
        let (day, when) = (reported.returned_on, self.rules.when);
        let standing = letter.contact.map_or(Standing::Replaced, |contact| {
            returned::standing(document, contact, day, when.today)
        });
        // Carriers report in any order: one that came back later counts like one of the same day.
        let days: Vec<_> = earlier.iter().map(|known| known.returned_on.min(day)).collect();
        let due = effects(self.effects, reported.reason, standing, day, &days);
        let came = Came {
            contact: of.contact,
            reason: reported.reason,
            new_address: reported.new_address.as_ref(),
        };
        let mut after = document.clone();
        let done = apply(&mut after, &due, &came, &self.rules.types, when);
        let tasks = due.iter().enumerate();
        Outcome {
            document: after,
            tasks: tasks
                .filter_map(|(number, effect)| self.task(of, reported, number, effect))
                .collect(),
            note: Returned {
                piece: of.piece.to_owned(),
                run: letter.run.clone(),
                contact: of.contact,
                reason: reported.reason.as_str().to_owned(),
                returned_on: day,
                done: json!(done),
                file: self.file.map(str::to_owned),
            },
        }
    }

    /// The task that an effect opens. Its id follows from the letter.
    fn task(&self, of: Piece<'_>, reported: &Reported, number: usize, effect: &Effect) -> Option<(LookupKey, Task)> {
        let Effect::OpenTask { queue, title, due_days } = effect else {
            return None;
        };
        let when = self.rules.when;
        // A tenant holds no space. The id of a letter is a secret to everybody who does not have the letter.
        let name = format!("{} {number}", of.tenant);
        let key = |purpose: &str| code::lookup_key(of.piece.as_bytes(), purpose, name.as_bytes());
        let (piece, reason, day) = (of.piece, reported.reason.as_str(), reported.returned_on);
        let text = format!("Letter {piece} to address {} came back on {day}: {reason}", of.contact);
        let first = Step {
            version: 1,
            what: "create".to_owned(),
            by: self.caller.subject.clone(),
            at: when.now,
        };
        let task = Task {
            version: 1,
            content: key("returned-mail-content/1"),
            title: Secret::new(title.clone()),
            text: Some(Secret::new(text)),
            // Checked when the rules were stored.
            queue: queue.parse().ok()?,
            due: due_days.map(|days| plus_days(when.today, days)),
            party: Some(of.party.clone()),
            case: None,
            assignee: None,
            status: TaskStatus::Open,
            made_at: when.now,
            steps: vec![first],
        };
        Some((key("returned-mail-task/1"), task))
    }
}

fn view(reported: &Reported, outcome: LetterReturnOutcome, note: Option<Returned>) -> LetterReturnView {
    let reason = note.as_ref().and_then(|note| note.reason.parse().ok());
    let done = note.and_then(|note| serde_json::from_value(note.done).ok());
    LetterReturnView {
        piece: reported.piece.to_string(),
        outcome,
        reason,
        done: done.unwrap_or_default(),
    }
}
