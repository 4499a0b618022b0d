//! The letters of a run that the printer has confirmed are noted with their parties: what was written to them (C3), and what it has cost
//! (R2).

use std::collections::{BTreeMap, BTreeSet};

use campaign::Decision;
use chrono::{DateTime, Utc};
use domain::id::PartyId;
use futures::stream::{self, StreamExt, TryStreamExt};
use lettershop::manifest::Acknowledgement;
use lettershop::piece::PieceId;
use runtime::sqs::Deadline;
use serde::Deserialize;
use store::lettershop::noted::{self, Noted};
use store::run::{self, Acknowledged, Member, Run, RunId};
use store::timeline::{self, Event, What};
use store::{Record, Site, returned_mail};

use crate::piece::Letters;
use crate::{App, ExportError};

/// Members of one page.
const PAGE: i32 = 100;
/// Pages of one message.
const PAGES_MAX: u32 = 10_000;
/// Letters that are noted at the same time.
const AT_ONCE: usize = 16;

impl App {
    /// Notes the letters that are left of a shard; `true` when more is left than the time allows. Who finds that all shards are done
    /// notes that with the run.
    pub(crate) async fn note_letters(
        &self,
        id: &RunId,
        shard: u8,
        deadline: Deadline,
        now: DateTime<Utc>,
    ) -> Result<bool, ExportError> {
        let run = run::read(&self.db, Site::ExportRun, id).await?;
        let run = run.ok_or(ExportError::Unusable("the run was not begun"))?;
        let Some(confirmed) = run.d.acknowledged.as_ref().filter(|said| said.noted_at.is_none()) else {
            return Ok(false);
        };
        let rejected = rejected(confirmed)?;
        let letters = Letters::of(&run.d, self.code_key(&run)?)?;
        for _ in 0..PAGES_MAX {
            let before = noted::of_shard(&self.db, Site::ExportNotes, id, shard).await?;
            if before.done {
                return self.all_noted(id, &run, now).await.map(|()| false);
            }
            let page = run::members(&self.db, Site::ExportMembers, (id, shard), before.after.clone(), PAGE).await?;
            let (members, next) = page;
            let last = members.last().map(|member| member.d.party.to_string());
            let sent = self.sent(id, &letters, &members, &rejected).await?;
            let noting =
                stream::iter(sent).map(|(piece, party)| self.note_one(id, &run, confirmed.at, piece, party, now));
            noting.buffer_unordered(AT_ONCE).try_collect::<()>().await?;
            let after = Noted {
                version: before.version,
                after: last.or(before.after),
                done: next.is_none(),
            };
            // Where another worker was faster, it has noted the same letters and goes on: two at one shard would only cost more.
            if !noted::advance(&self.db, Site::ExportNoted, (id, shard), after, now).await? {
                return Ok(false);
            }
            if deadline.is_near() {
                return Ok(true);
            }
        }
        Err(ExportError::Contended)
    }

    /// The letters to these members that are in the file of this choice of the run, and were not rejected.
    async fn sent(
        &self,
        id: &RunId,
        letters: &Letters<'_>,
        members: &[Record<Member>],
        rejected: &BTreeSet<PieceId>,
    ) -> Result<Vec<(PieceId, PartyId)>, ExportError> {
        let chosen = members
            .iter()
            .filter(|member| matches!(member.d.decision, Decision::In { .. }));
        let pieces: BTreeMap<String, (PieceId, PartyId)> = chosen
            .map(|member| (letters.piece_id(&member.d.party), member.d.party.clone()))
            .filter(|(piece, _)| !rejected.contains(piece))
            .map(|(piece, party)| (piece.to_string(), (piece, party)))
            .collect();
        let names: Vec<String> = pieces.keys().cloned().collect();
        let known = returned_mail::letters(&self.db, Site::ExportLetters, &id.tenant, &names).await?;
        Ok(pieces
            .into_iter()
            .filter(|(name, _)| known.get(name).is_some_and(|letter| letter.d.revision == id.revision))
            .map(|(_, letter)| letter)
            .collect())
    }

    async fn note_one(
        &self,
        id: &RunId,
        run: &Record<Run>,
        sent_at: DateTime<Utc>,
        piece: PieceId,
        party: PartyId,
        now: DateTime<Utc>,
    ) -> Result<(), ExportError> {
        let cost = run.d.campaign.letter_cost;
        let event = Event {
            at: sent_at,
            id: piece.to_string(),
            what: What::Letter {
                run: id.run.clone(),
                campaign: run.d.campaign.name.clone(),
                programme: Some(run.d.campaign.programme.clone()),
                cost_minor: cost.printing_minor.saturating_add(cost.postage_minor),
            },
        };
        // Nobody is left where the party was erased.
        timeline::note_letter(&self.db, Site::ExportNote, (&id.tenant, &party), &event, now).await?;
        Ok(())
    }

    async fn all_noted(&self, id: &RunId, run: &Record<Run>, now: DateTime<Utc>) -> Result<(), ExportError> {
        let done = noted::shards_done(&self.db, Site::ExportNotes, id).await?;
        if done < usize::from(run.d.cut.shards) {
            return Ok(());
        }
        let noted = run::change(&self.db, Site::ExportWritten, run, now, |run| {
            if let Some(said) = &mut run.acknowledged {
                said.noted_at = Some(now);
            }
        });
        if noted.await? {
            tracing::info!(run = %id.run, revision = id.revision, "the letters of a run are noted with their parties");
        }
        Ok(())
    }
}

/// The letters that the printer could not make.
fn rejected(confirmed: &Acknowledged) -> Result<BTreeSet<PieceId>, ExportError> {
    let said = Acknowledgement::deserialize(&confirmed.document)
        .map_err(|_| ExportError::Unusable("the acknowledgement of the run cannot be read"))?;
    let pieces = said.rejected.iter().filter_map(|letter| letter.piece.parse().ok());
    Ok(pieces.collect())
}
