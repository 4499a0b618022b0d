//! The letters of a shard are sorted.

use campaign::Decision;
use chrono::{DateTime, Utc};
use domain::code::{self, CodeKey};
use domain::id::{LookupKey, PartyId};
use domain::voucher::{State, Voucher};
use futures::stream::{self, StreamExt, TryStreamExt};
use lettershop::Letter;
use lettershop::format::Encoder;
use lettershop::merge;
use lettershop::piece::PieceId;
use lettershop::row::Row;
use lettershop::settings::Settings;
use party::contact::ContactId;
use std::collections::{BTreeMap, BTreeSet};
use store::lettershop::{self as files, Chunk};
use store::run::{self, Member, Run, RunId, SealingKey};
use store::{Record, Site, returned_mail, voucher};

use crate::piece::Letters;
use crate::{App, ExportError, encoder};

/// Members of one page.
const PAGE: i32 = 100;
/// Most letters of a shard; some 20 MB with rows as those of the bench. Beyond that a run of three million is too large, and says so.
const LETTERS_MAX: usize = 50_000;
/// Most bytes of the rows of a shard, packed or not: less than half of the function's memory. A shard of a run of a million has as many
/// with rows of 6,000 bytes.
const BYTES_MAX: usize = 96 * 1024 * 1024;

/// Letters that are noted at the same time.
const AT_ONCE: usize = 16;

/// The letters of a shard.
#[derive(Default)]
struct Sorted {
    rows: Vec<Row>,
    /// Bytes of the rows.
    bytes: usize,
    gaps: u64,
    shortened: u64,
}

impl Sorted {
    fn take(&mut self, row: Row) -> Result<(), ExportError> {
        self.bytes = self.bytes.saturating_add(row.bytes());
        self.rows.push(row);
        if self.rows.len() > LETTERS_MAX {
            return Err(ExportError::Unusable("the run has more letters than can be sorted"));
        }
        if self.bytes > BYTES_MAX {
            let too_large = "the rows of the run's letters have more bytes in this format than can be sorted";
            return Err(ExportError::Unusable(too_large));
        }
        Ok(())
    }
}

impl App {
    /// Sorts the letters of a shard into an object, as rows of the format that was agreed on; those that stand, also when another
    /// worker was quicker.
    pub(crate) async fn sort(
        &self,
        id: &RunId,
        run: &Record<Run>,
        (shard, settings): (u8, &Settings),
        now: DateTime<Utc>,
    ) -> Result<Chunk, ExportError> {
        let key = run::sealing_key(&self.db, Site::ExportKey, id, run.created_at, now).await?;
        if key.is_none() {
            let over = "the time of the run's addresses is over: no letter of it can be printed";
            return Err(ExportError::Unusable(over));
        }
        let sorted = self.rows(id, run, (shard, settings), key.as_ref()).await?;
        let Sorted {
            rows, gaps, shortened, ..
        } = sorted;
        let letters = u64::try_from(rows.len()).unwrap_or(u64::MAX);
        let sorted = merge::chunk(rows);
        let key = (letters > 0).then(|| work_key(id, shard, &sorted));
        if let Some(key) = &key {
            self.objects.put_work(key, sorted).await?;
        }
        let chunk = Chunk {
            key: key.clone(),
            letters,
            gaps,
            shortened,
            noted: false,
        };
        let stands = files::store_chunk(&self.db, Site::ExportChunk, (id, shard), chunk, now).await?;
        if let Some(ours) = key.filter(|ours| stands.key.as_ref() != Some(ours)) {
            self.objects.drop_work(&ours).await?;
        }
        Ok(stands)
    }

    /// Notes to whom the sorted letters of a shard go. Only of letters that stand: what a worker has found that came late, or died,
    /// is in no file. Whoever notes them again notes the same.
    pub(crate) async fn note_sorted(
        &self,
        id: &RunId,
        run: &Record<Run>,
        (shard, chunk): (u8, Chunk),
        now: DateTime<Utc>,
    ) -> Result<(), ExportError> {
        let letters = Letters::of(&run.d, self.code_key(run)?)?;
        let mut left = self.pieces(&chunk).await?;
        let mut after = None;
        while !left.is_empty() {
            let (members, next) = run::members(&self.db, Site::ExportMembers, (id, shard), after, PAGE).await?;
            let members = members.into_iter().map(|member| member.d);
            let found: Vec<_> = members
                .map(|member| (letters.piece_id(&member.party), member))
                .filter(|(piece, _)| left.remove(piece))
                .collect();
            let noted = stream::iter(found)
                .map(|(piece, member)| self.note(id, piece, Some((member.party, member.contact)), now));
            noted.buffer_unordered(AT_ONCE).try_collect::<()>().await?;
            after = next;
            if after.is_none() {
                break;
            }
        }
        // What is no member's is a planted address's.
        for piece in left {
            self.note(id, piece, None, now).await?;
        }
        Ok(files::chunk_noted(&self.db, Site::ExportChunk, (id, shard), chunk, now).await?)
    }

    /// The ids of sorted letters, each once.
    async fn pieces(&self, chunk: &Chunk) -> Result<BTreeSet<PieceId>, ExportError> {
        let Some(key) = &chunk.key else {
            return Ok(BTreeSet::new());
        };
        let rows = self.sorted_rows(key).await?;
        let pieces = rows.map(|row| row.map(|row| row.id()));
        let pieces = pieces.collect::<Result<BTreeSet<_>, _>>();
        let pieces = pieces.map_err(|error| ExportError::Merge(error.to_string()))?;
        if usize::try_from(chunk.letters) != Ok(pieces.len()) {
            return Err(ExportError::Unusable(
                "the sorted letters of a shard are more or fewer than were sorted",
            ));
        }
        Ok(pieces)
    }

    async fn rows(
        &self,
        id: &RunId,
        run: &Record<Run>,
        (shard, settings): (u8, &Settings),
        key: Option<&SealingKey>,
    ) -> Result<Sorted, ExportError> {
        let letters = Letters::of(&run.d, self.code_key(run)?)?;
        let code_key = CodeKey::new(self.code_key(run)?);
        let encoder = encoder(settings)?;
        let mut sorted = Sorted::default();
        if shard == 0 {
            for (index, address) in settings.control.iter().enumerate() {
                sorted.take(Row::of(&letters.control(index, address)?, &encoder)?)?;
            }
        }
        let members = async |after| run::members(&self.db, Site::ExportMembers, (id, shard), after, PAGE).await;
        let mut page = Some(members(None).await?);
        while let Some((found, next)) = page {
            let of = (&letters, &encoder, key, &code_key);
            // The next page is on its way while the letters of this one are made.
            let following = async {
                match next {
                    Some(after) => members(Some(after)).await.map(Some),
                    None => Ok(None),
                }
            };
            let made = Box::pin(self.page(id, of, found, is_not_void));
            let (made, following) = tokio::join!(made, following);
            for row in made? {
                match row {
                    Some((row, lost)) => {
                        sorted.shortened = sorted.shortened.saturating_add(u64::from(lost));
                        sorted.take(row)?;
                    }
                    None => sorted.gaps = sorted.gaps.saturating_add(1),
                }
            }
            page = following?;
        }
        sorted.rows.sort_unstable_by(|a, b| a.key().cmp(&b.key()));
        Ok(sorted)
    }

    /// Notes to whom a letter goes, and to which of the party's addresses; nobody for a planted address.
    async fn note(
        &self,
        id: &RunId,
        piece: PieceId,
        to: Option<(PartyId, Option<ContactId>)>,
        now: DateTime<Utc>,
    ) -> Result<(), ExportError> {
        let (party, contact) = to.map_or((None, None), |(party, contact)| (Some(party), contact));
        let letter = returned_mail::Letter {
            run: id.run.clone(),
            revision: id.revision,
            party,
            contact,
        };
        let of = (&id.tenant, piece.as_str());
        returned_mail::note(&self.db, Site::ExportLetter, of, letter, now).await?;
        Ok(())
    }

    /// The rows of a page of members, each with whether its address was shortened; `None` for one whose letter
    /// cannot be made: it was kept from its vouchers, one of them is not `wanted`, or it was erased.
    pub(crate) async fn page(
        &self,
        id: &RunId,
        (letters, encoder, key, code_key): (&Letters<'_>, &Encoder, Option<&SealingKey>, &CodeKey),
        members: Vec<Record<Member>>,
        wanted: impl Fn(&Voucher) -> bool,
    ) -> Result<Vec<Option<(Row, bool)>>, ExportError> {
        let chosen: Vec<_> = members
            .into_iter()
            .filter_map(|member| match member.d.decision {
                Decision::In { vouchers } => Some((member.d, u8::try_from(vouchers).unwrap_or(u8::MAX))),
                _ => None,
            })
            .collect();
        let lookup = |party, number| -> LookupKey {
            let code = code_key.code(&letters.voucher_id(party, number));
            code.lookup_key(self.pepper.bytes())
        };
        let mut lookups = Vec::new();
        for (member, vouchers) in &chosen {
            lookups.extend((1..=*vouchers).map(|number| lookup(&member.party, number)));
        }
        let mut standing = BTreeMap::new();
        for some in lookups.chunks(store::db::BATCH_GET_MAX) {
            let found = voucher::read_many(&self.db, Site::ExportVouchers, &id.tenant, some).await?;
            standing.extend(found.into_iter().map(|voucher| (voucher.d.id(), wanted(&voucher.d))));
        }
        let mut rows = Vec::with_capacity(chosen.len());
        for (member, vouchers) in chosen {
            let is_wanted = |number: &u8| standing.get(&letters.voucher_id(&member.party, *number)).copied();
            let mut numbers: Vec<u8> = (1..=vouchers).collect();
            if letters.terms.cost_points.is_some() {
                // Who had points for fewer got fewer.
                numbers.retain(|number| is_wanted(number).is_some());
            }
            let all = !numbers.is_empty() && numbers.iter().all(|number| is_wanted(number) == Some(true));
            let letter = member.letter.as_ref().filter(|_| all).zip(key);
            let Some((sealed, key)) = letter else {
                rows.push(None);
                continue;
            };
            let unreadable = ExportError::Unusable("a frozen letter cannot be read");
            let Ok(letter) = key.open(&member.party, sealed) else {
                return Err(unreadable);
            };
            let letter: Letter = serde_json::from_slice(&letter).map_err(|_| unreadable)?;
            let lost = letter.lost > 0;
            let piece = letters.piece(&member.party, letter, &numbers);
            rows.push(Some((Row::of(&piece, encoder)?, lost)));
        }
        Ok(rows)
    }
}

/// A code that is void, or that another one has replaced, is not printed.
const fn is_not_void(voucher: &Voucher) -> bool {
    !matches!(voucher.state, State::Voided { .. })
}

/// The object of sorted letters, by what stands in it: two workers that found different letters do not write over each other.
fn work_key(id: &RunId, shard: u8, sorted: &[u8]) -> String {
    let hash = code::lookup_key(b"sorted letters", "chunk/2", sorted);
    format!("work/{}/{}/{:04}/{shard:02}-{hash}", id.tenant, id.run, id.revision)
}
