//! Letters of a run are printed again, by their ids (X5): with the codes they had, and only where a letter may still be sent.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::calendar;
use domain::code::CodeKey;
use domain::id::{LookupKey, PartyId};
use lettershop::format::Encoder;
use lettershop::manifest;
use lettershop::row::Row;
use lettershop::settings::Settings;
use runtime::sqs::Deadline;
use store::db::BATCH_GET_MAX;
use store::lettershop::reprint::{self, Gap, Reprint};
use store::run::{self, PrintFile, Run, RunId, SealingKey};
use store::{Record, Site, party as parties, returned_mail};

use crate::piece::Letters;
use crate::write::{content_type, ending, job, json};
use crate::{App, ExportError, encoder, parsed};

/// Why a letter is not printed again.
const KEPT_BACK: &str = "kept_back";
const NO_LETTER: &str = "no_letter";

/// A letter that is printed again, or why it is not.
type Again = Result<Row, &'static str>;

/// What the letters of a reprint share.
struct Printing<'a> {
    id: &'a RunId,
    run: &'a Record<Run>,
    letters: Letters<'a>,
    settings: &'a Settings,
    encoder: Encoder,
    key: Option<SealingKey>,
    code_key: CodeKey,
    now: DateTime<Utc>,
}

impl App {
    /// Writes the file of a reprint. Of several workers the first one that notes its file counts.
    pub(crate) async fn reprint(
        &self,
        id: &RunId,
        name: &LookupKey,
        deadline: Deadline,
        now: DateTime<Utc>,
    ) -> Result<(), ExportError> {
        let run = run::read(&self.db, Site::ExportRun, id).await?;
        let run = run.ok_or(ExportError::Unusable("the run was not begun"))?;
        let asked = reprint::read(&self.db, Site::ExportReprint, id, name).await?;
        let asked = asked.ok_or(ExportError::Unusable("nobody asked for the reprint"))?;
        if asked.d.done_at.is_some() {
            return Ok(());
        }
        let settings = parsed(asked.d.settings.clone())?;
        let code_key = self.code_key(&run)?;
        let printing = Printing {
            id,
            run: &run,
            letters: Letters::of(&run.d, code_key)?,
            settings: &settings,
            encoder: encoder(&settings)?,
            key: run::sealing_key(&self.db, Site::ExportKey, id, run.created_at, now).await?,
            code_key: CodeKey::new(code_key),
            now,
        };
        let (mut rows, gaps) = self.rows_of(&printing, &asked.d, deadline).await?;
        rows.sort_unstable_by(|a, b| a.key().cmp(&b.key()));
        let file = match rows.is_empty() {
            true => None,
            false => Some(self.file_of(&printing, name, rows, gaps.len()).await?),
        };
        let (printed, left_out) = (asked.d.pieces.len().saturating_sub(gaps.len()), gaps.len());
        tracing::info!(run = %id.run, printed, left_out, "letters of a run are printed again");
        reprint::done(&self.db, Site::ExportReprinted, &asked, (file, gaps), now).await?;
        Ok(())
    }

    /// The rows of a reprint, and the letters that are not printed again. Reads by hundreds, so that 2,000 letters are some 80 calls;
    /// no hundred is begun when the time is nearly over. Nothing stands then but that it was asked for, and it begins anew.
    async fn rows_of(
        &self,
        printing: &Printing<'_>,
        asked: &Reprint,
        deadline: Deadline,
    ) -> Result<(Vec<Row>, Vec<Gap>), ExportError> {
        let (mut rows, mut gaps) = (Vec::new(), Vec::new());
        for pieces in asked.pieces.chunks(BATCH_GET_MAX) {
            if deadline.is_near() {
                return Err(ExportError::OutOfTime);
            }
            let mut printed = self.printed(printing, pieces).await?;
            for piece in pieces {
                match printed.remove(piece).unwrap_or(Err(NO_LETTER)) {
                    Ok(row) => rows.push(row),
                    Err(why) => gaps.push(Gap {
                        piece: piece.clone(),
                        why: why.to_owned(),
                    }),
                }
            }
        }
        Ok((rows, gaps))
    }

    /// The letters as they were, or why they are not printed again, by their ids; one that is not there has no letter. At most
    /// [`BATCH_GET_MAX`]: three calls, and one for each hundred of their vouchers.
    async fn printed(
        &self,
        printing: &Printing<'_>,
        pieces: &[String],
    ) -> Result<BTreeMap<String, Again>, ExportError> {
        let Printing { id, run, now, .. } = *printing;
        let known = returned_mail::letters(&self.db, Site::ExportLetters, &id.tenant, pieces).await?;
        let of: Vec<PartyId> = known.values().filter_map(|letter| letter.d.party.clone()).collect();
        let documents = parties::read_many(&self.db, Site::ExportParty, &id.tenant, &of).await?;
        let today = calendar::business_day(now, run.d.zone);
        let (mut printed, mut wanted) = (BTreeMap::new(), Vec::new());
        for (piece, letter) in known {
            let Some(party) = letter.d.party else {
                let row = planted(printing, &piece)?.ok_or(NO_LETTER);
                printed.insert(piece, row);
                continue;
            };
            match documents.get(&party) {
                Some(party) if party.voucher_stop(now).is_some() || !party.letter_reaches(letter.d.contact, today) => {
                    printed.insert(piece, Err(KEPT_BACK));
                }
                Some(_) => wanted.push(party),
                None => {}
            }
        }
        let members = run::members_of(&self.db, Site::ExportMembers, (id, run.d.cut), &wanted).await?;
        let key = printing.key.as_ref();
        let of = (&printing.letters, &printing.encoder, key, &printing.code_key);
        let usable = |voucher: &domain::voucher::Voucher| voucher.usable_on(today);
        for (row, _) in self.page(id, of, members, usable).await?.into_iter().flatten() {
            printed.insert(row.id().to_string(), Ok(row));
        }
        Ok(printed)
    }

    async fn file_of(
        &self,
        printing: &Printing<'_>,
        name: &LookupKey,
        rows: Vec<Row>,
        gaps: usize,
    ) -> Result<PrintFile, ExportError> {
        let Printing { id, run, settings, .. } = *printing;
        let mut content = Vec::new();
        let file = manifest::PrintFile::begin(job(run)?, settings.format.clone(), &mut content);
        let mut file = file.map_err(|found| ExportError::format(&found))?;
        for row in rows {
            file.push(&row, |voucher| printing.code_key.code(voucher), &mut content)?;
        }
        let manifest = file.finish();
        // Two workers may find different letters that may still be sent: each has a file of its own, and the one that is noted counts.
        let hash = manifest.sha256.get(..16).unwrap_or_default();
        let folder = format!("out/{}/{}/{:04}/reprint-{name}-{hash}", id.tenant, id.run, id.revision);
        let (key, manifest_key) = (
            format!("{folder}/letters.{}", ending(settings)),
            format!("{folder}/manifest.json"),
        );
        let document = json(&manifest)?;
        self.objects.put_reprint(&key, content_type(settings), content).await?;
        self.objects
            .put_manifest(&manifest_key, format!("{document:#}\n"))
            .await?;
        Ok(PrintFile {
            key,
            manifest_key,
            manifest: document,
            gaps: u64::try_from(gaps).unwrap_or(u64::MAX),
            shortened: 0,
            at: printing.now,
        })
    }
}

/// The letter to a planted address; `None` when there is no such address any more.
fn planted(printing: &Printing<'_>, piece: &str) -> Result<Option<Row>, ExportError> {
    for (index, address) in printing.settings.control.iter().enumerate() {
        let letter = printing.letters.control(index, address)?;
        if letter.id.as_str() == piece {
            return Ok(Some(Row::of(&letter, &printing.encoder)?));
        }
    }
    Ok(None)
}
