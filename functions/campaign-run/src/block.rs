//! The vouchers of a stopped run are blocked.
//!
//! Each voucher is blocked as support blocks a single one, with an adjustment that says who stopped the run and why. A shard is gone
//! through until a pass is over that began when no worker lived any more which could give another voucher, and that met no voucher
//! in the hands of a basket. A pass finds again what the one before has found, so its counts are those of the vouchers as they stand.

use campaign::Decision;
use chrono::{DateTime, TimeDelta, Utc};
use domain::account::share_of_voucher;
use domain::adjustment::{Adjustment, Kind, State as Settled};
use domain::calendar;
use domain::code::{VoucherCode, lookup_key};
use domain::id::{LookupKey, PartyId, ProgrammeId};
use domain::programme::Programme;
use domain::voucher::{Debit, Outcome, REISSUES_MAX, State, VoucherNumber, voucher_id};
use messages::{CampaignMessage, voucher_blocks};
use runtime::sqs::Deadline;
use store::account::{self, AccountId, Committed};
use store::adjustment::Booking;
use store::db::Read;
use store::record::{By, Made};
use store::run::{self, BlockWork, Blocked, Blocking, Member, Run, RunId, Stage};
use store::voucher::{self, OfParty, VoucherChange};
use store::{Record, Site, StoreError, adjustment, programme};

use crate::issue::Issuing;
use crate::page::worked;
use crate::{App, RunError};

/// Members of one page, after which the position is kept.
const PAGE: i32 = 200;
/// Pages of one message, over all passes.
const PAGES_MAX: u32 = 10_000;
/// Passes of a shard, after which vouchers that are still held are left.
const PASSES_MAX: u32 = 40;
/// Rounds against tills and other workers for one voucher.
const ROUNDS_MAX: u32 = 20;
/// Shortest wait before a pass, when vouchers were held.
const HELD_WAIT: TimeDelta = TimeDelta::minutes(1);
/// Longest delay of a message, in seconds.
const DELAY_MAX: i64 = 900;
/// Runs that are looked at in an hour.
const BLOCKING_MAX: i32 = 100;

/// A stopped run whose vouchers are blocked.
struct Stopped<'a> {
    id: &'a RunId,
    blocking: &'a Blocking,
    programme: &'a ProgrammeId,
    /// The choices of its members that were started, by revision.
    started: &'a [Record<Run>],
    /// Of a run whose vouchers cost points: how they are given, and the programme whose points go back.
    paid: Option<(Issuing<'a>, Programme)>,
    now: DateTime<Utc>,
}

impl Stopped<'_> {
    /// Who has stopped the run, now.
    fn made(&self) -> Made {
        Made {
            at: self.now,
            by: Some(By {
                client: self.blocking.client.clone(),
                subject: self.blocking.author.clone(),
            }),
        }
    }
}

/// What was found under a voucher's name.
enum Looked {
    /// Nothing: it was not given.
    Nothing,
    /// This counts.
    Counts(Blocked),
    /// A basket holds it until then.
    Held(DateTime<Utc>),
}

impl App {
    /// Blocks the vouchers of a shard; `true` when more is left than the time allows. Who finds that all shards are done notes what it
    /// came to.
    pub(crate) async fn block(
        &self,
        id: &RunId,
        shard: u8,
        deadline: Deadline,
        now: DateTime<Utc>,
    ) -> Result<bool, RunError> {
        let run = run::read(&self.db, Site::RunFind, id).await?;
        let run = run.ok_or(RunError::Unusable("the run was not begun"))?;
        let (Stage::Stopped, Some(blocking)) = (run.d.stage, &run.d.blocking) else {
            return Ok(false);
        };
        if blocking.result.is_some() {
            return Ok(false);
        }
        let started = run::started(&self.db, Site::RunStarted, id).await?;
        let stopped = Stopped {
            id,
            blocking,
            programme: &run.d.campaign.programme,
            started: &started,
            paid: self.paid_for(id, &started, now).await?,
            now,
        };
        for _ in 0..PAGES_MAX {
            let before = run::block_work(&self.db, Site::RunBlockParts, id, shard).await?;
            if before.done {
                return self.blocked(&run, id, blocking, now).await.map(|()| false);
            }
            if let Some(waits) = before.waits_until.filter(|waits| *waits > now) {
                return self
                    .block_later(id, shard, waits.signed_duration_since(now))
                    .await
                    .map(|()| false);
            }
            let after = self.block_page(&stopped, shard, before, deadline).await?;
            // Where another worker was faster, it has found the same vouchers, and its position counts.
            run::block_advance(&self.db, Site::RunBlockAdvance, (id, shard), after, now).await?;
            if deadline.is_near() {
                return Ok(true);
            }
        }
        Err(RunError::Contended)
    }

    /// The work of a shard after its next page.
    async fn block_page(
        &self,
        stopped: &Stopped<'_>,
        shard: u8,
        before: BlockWork,
        deadline: Deadline,
    ) -> Result<BlockWork, RunError> {
        let mut after = before;
        after.waits_until = None;
        let begun_at = *after.begun_at.get_or_insert(stopped.now);
        let choice = stopped.started.iter().find(|run| run.d.revision >= after.revision);
        let Some(choice) = choice else {
            return Ok(passed(after, begun_at, stopped));
        };
        if choice.d.revision != after.revision {
            (after.revision, after.after) = (choice.d.revision, None);
        }
        let of = RunId {
            revision: choice.d.revision,
            ..stopped.id.clone()
        };
        let position = after.after.take();
        let page = run::members(&self.db, Site::RunMembers, (&of, shard), position, PAGE).await?;
        let looked = worked(page, deadline, |member| self.block_member(stopped, choice, member.d)).await?;
        for one in looked.each.into_iter().flatten() {
            match one {
                Looked::Nothing => {}
                Looked::Counts(more) => after.counts = after.counts.plus(more),
                Looked::Held(until) => {
                    after.counts.held = after.counts.held.saturating_add(1);
                    after.held_until = after.held_until.max(Some(until));
                }
            }
        }
        if looked.next.is_none() {
            after.revision = choice.d.revision.saturating_add(1);
        }
        after.after = looked.next;
        Ok(after)
    }

    /// Blocks the vouchers of a member that no earlier choice has given it.
    async fn block_member(
        &self,
        stopped: &Stopped<'_>,
        choice: &Record<Run>,
        member: Member,
    ) -> Result<Vec<Looked>, RunError> {
        let Decision::In { vouchers } = member.decision else {
            return Ok(Vec::new());
        };
        let mut given = 0u32;
        for earlier in stopped.started.iter().filter(|run| run.d.revision < choice.d.revision) {
            let of = RunId {
                revision: earlier.d.revision,
                ..stopped.id.clone()
            };
            let found = run::member(&self.db, Site::RunStarted, (&of, earlier.d.cut), &member.party).await?;
            if let Some(Decision::In { vouchers }) = found.map(|found| found.d.decision) {
                given = given.max(vouchers);
            }
        }
        let mut looked = Vec::new();
        for number in given.saturating_add(1)..=vouchers {
            let number = u8::try_from(number).map_err(|_| RunError::Unusable("a member has too many vouchers"))?;
            let number = VoucherNumber::of_run(stopped.id.run.clone(), number);
            looked.push(self.block_voucher(stopped, &member.party, number).await?);
        }
        Ok(looked)
    }

    /// How vouchers that cost points are given, and the programme whose points go back.
    async fn paid_for<'a>(
        &'a self,
        id: &'a RunId,
        started: &'a [Record<Run>],
        now: DateTime<Utc>,
    ) -> Result<Option<(Issuing<'a>, Programme)>, RunError> {
        let Some(run) = started
            .first()
            .filter(|run| run.d.campaign.voucher.cost_points.is_some())
        else {
            return Ok(None);
        };
        let programme = &run.d.campaign.programme;
        let current = programme::read_current(&self.db, Site::RunProgramme, &id.tenant, programme).await?;
        let current = current.ok_or(RunError::Unusable("the programme of the campaign is not stored"))?;
        Ok(Some((self.issuing(id, &run.d, now).await?, current.d.programme)))
    }

    /// Gives a voucher that a worker has died over after its points were taken, so that they can go back with it; `false` when
    /// they were not taken.
    async fn give_paid(
        &self,
        stopped: &Stopped<'_>,
        party: &PartyId,
        number: &VoucherNumber,
    ) -> Result<bool, RunError> {
        let Some((issuing, _)) = &stopped.paid else {
            return Ok(false);
        };
        let first = number.reissue() == 0;
        let paid = self.paid(stopped.id, issuing.run, party).await?;
        let Ok(position) = u8::try_from(number.position()) else {
            return Ok(false);
        };
        if !first || u32::from(position) > paid {
            return Ok(false);
        }
        self.give(issuing, party, position).await?;
        Ok(true)
    }

    /// Blocks a voucher, or the one that support has put in its place.
    async fn block_voucher(
        &self,
        stopped: &Stopped<'_>,
        party: &PartyId,
        number: VoucherNumber,
    ) -> Result<Looked, RunError> {
        let one = |count: fn(&mut Blocked)| {
            let mut counts = Blocked::default();
            count(&mut counts);
            Ok(Looked::Counts(counts))
        };
        let account = AccountId {
            tenant: stopped.id.tenant.clone(),
            party: party.clone(),
            programme: stopped.programme.clone(),
        };
        let (mut number, mut reissues, mut was_blocked) = (number, 0, false);
        for _ in 0..ROUNDS_MAX {
            let Some(found) = self.find_voucher(&account, &number).await? else {
                if self.give_paid(stopped, party, &number).await? {
                    continue;
                }
                return Ok(Looked::Nothing);
            };
            match found.voucher.d.state_at(stopped.now) {
                State::Redeemed { .. } => return one(|counts| counts.redeemed = 1),
                State::Reserved { until, .. } => return Ok(Looked::Held(*until)),
                State::Voided {
                    reissued_as: Some(next),
                    ..
                } if reissues < REISSUES_MAX => {
                    (number, reissues, was_blocked) = (next.clone(), reissues + 1, false);
                    continue;
                }
                State::Voided { .. } => return one(|counts| counts.voided = 1),
                State::Blocked { .. } => {
                    if found.listed {
                        // By a worker that listed it after it was blocked.
                        let tenant = &stopped.id.tenant;
                        voucher::unlist(&self.db, Site::RunBlockUnlist, tenant, &found).await?;
                    }
                    return one(|counts| counts.blocked = 1);
                }
                State::Open => {}
            }
            let (id, asked) = self.adjustment(stopped, party, &number);
            let known = adjustment::read(&self.db, Site::RunBlockFind, &stopped.id.tenant, &id).await?;
            if known.is_some() {
                if was_blocked {
                    return one(|counts| counts.unblocked = 1);
                }
                // Another worker may have blocked it since it was read.
                was_blocked = true;
                continue;
            }
            let goes_back = stopped.paid.is_some();
            let done = match &stopped.paid {
                Some((_, programme)) => self.void_open(stopped, programme, (&id, asked), found).await,
                None => self.block_open(stopped, (&id, asked), found).await,
            };
            match done {
                Ok(Committed::Done) if goes_back => return one(|counts| counts.voided = 1),
                Ok(Committed::Done) => return one(|counts| counts.blocked = 1),
                // A till or another worker came first, or the person was erased.
                Ok(_) => {
                    let party = store::party::read(&self.db, Site::RunStopped, &stopped.id.tenant, party).await;
                    match party {
                        Ok(Some(_)) => {}
                        Ok(None) | Err(StoreError::Erased(_)) => return one(|counts| counts.erased = 1),
                        Err(error) => return Err(error.into()),
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Err(RunError::Contended)
    }

    async fn block_open(
        &self,
        stopped: &Stopped<'_>,
        (id, asked): (&LookupKey, Adjustment),
        before: OfParty,
    ) -> Result<Committed, RunError> {
        let posted = asked.posted(None, &[], stopped.now);
        let blocked = before.voucher.d.block(id, stopped.now);
        let Ok(Outcome::Changed(after)) = blocked else {
            // It was open a line above.
            return Err(RunError::Unusable("an open voucher cannot be blocked"));
        };
        let change = VoucherChange {
            before,
            after: *after,
            successor: None,
        };
        let tenant = &stopped.id.tenant;
        let made = stopped.made();
        Ok(run::block_voucher(&self.db, Site::RunBlock, tenant, (id, &posted), None, &change, &made).await?)
    }

    /// A voucher that was paid for with points is void, and they go back to the lots they came from. One whose validity is over goes
    /// back too: nobody could take it.
    async fn void_open(
        &self,
        stopped: &Stopped<'_>,
        programme: &Programme,
        (id, asked): (&LookupKey, Adjustment),
        before: OfParty,
    ) -> Result<Committed, RunError> {
        let voucher = &before.voucher.d;
        let account = AccountId {
            tenant: stopped.id.tenant.clone(),
            party: voucher.party.clone(),
            programme: voucher.programme.clone(),
        };
        let Some(Debit::Run(day, run)) = voucher.paid_by() else {
            return Err(RunError::Unusable(
                "a voucher of the run was not paid for as its campaign says",
            ));
        };
        let entry = account::run_entry(&self.db, Site::RunPaid, &account, day, run).await?;
        let share = entry.and_then(|entry| share_of_voucher(&entry.d, &voucher.number).ok());
        let share = share.ok_or(RunError::Unusable("what a voucher was paid with is not in the ledger"))?;
        let snapshot = account::read(&self.db, Site::RunAccount, &account, Read::Strong).await?;
        let snapshot = snapshot.ok_or(RunError::Unusable("an account that has paid is not stored"))?;
        let today = calendar::business_day(stopped.now, programme.zone);
        let grace = programme.points.grace_days;
        let (entry, after) = snapshot
            .d
            .void_voucher(&voucher.number, &share, grace, today, programme.version)?;
        let kind = Kind::VoucherVoid {
            number: voucher.number.clone(),
        };
        let asked = Adjustment { kind, ..asked };
        let posted = Adjustment {
            points: entry.points,
            ..asked.posted(None, &[&entry], stopped.now)
        };
        let booking = Booking {
            vouchers_due: after.vouchers_due(programme) > 0,
            id: account,
            before: Some(snapshot),
            entry,
            after,
        };
        let Outcome::Changed(after) = voucher.revoke(id, stopped.now) else {
            // It was open a line above.
            return Err(RunError::Unusable("an open voucher cannot be made void"));
        };
        let change = VoucherChange {
            before,
            after: *after,
            successor: None,
        };
        let (tenant, made) = (&stopped.id.tenant, stopped.made());
        let of = (id, &posted);
        Ok(run::block_voucher(&self.db, Site::RunBlock, tenant, of, Some(&booking), &change, &made).await?)
    }

    /// The adjustment that says who has blocked a voucher and why. Its id follows from the voucher: a run is blocked once.
    fn adjustment(&self, stopped: &Stopped<'_>, party: &PartyId, number: &VoucherNumber) -> (LookupKey, Adjustment) {
        let name = voucher_id(party, stopped.programme, number);
        let blocking = stopped.blocking;
        let asked = Adjustment {
            version: 1,
            kind: Kind::VoucherBlock { number: number.clone() },
            party: party.clone(),
            programme: stopped.programme.clone(),
            points: 0,
            reason: blocking.reason.clone(),
            author: blocking.author.clone(),
            client: blocking.client.clone(),
            asked_at: blocking.at,
            state: Settled::AwaitingApproval,
        };
        let id = lookup_key(self.pepper.bytes(), "run-block/1", name.as_bytes());
        (id, asked)
    }

    /// The voucher with this number, under whichever key its code was derived.
    async fn find_voucher(&self, account: &AccountId, number: &VoucherNumber) -> Result<Option<OfParty>, RunError> {
        let name = voucher_id(&account.party, &account.programme, number);
        let elsewhere: Vec<_> = self
            .code_keys
            .versions()
            .filter_map(|version| self.code_keys.key(version))
            .map(|key| VoucherCode::derive(key, &name).lookup_key(self.pepper.bytes()))
            .collect();
        Ok(voucher::of_party(&self.db, Site::RunBlockFind, account, number, &elsewhere).await?)
    }

    /// Notes what the blocking came to, once all shards are done.
    async fn blocked(
        &self,
        run: &Record<Run>,
        id: &RunId,
        blocking: &Blocking,
        now: DateTime<Utc>,
    ) -> Result<(), RunError> {
        let (counts, done) = run::blocks_work(&self.db, Site::RunBlockParts, id).await?;
        if done < blocking.shards {
            return Ok(());
        }
        let change = |run: &mut Run| {
            if let Some(blocking) = &mut run.blocking {
                (blocking.result, blocking.done_at) = (Some(counts), Some(now));
            }
        };
        if run::change(&self.db, Site::RunBlockDone, run, now, change).await? {
            let Blocked {
                blocked,
                redeemed,
                held,
                ..
            } = counts;
            tracing::info!(run = %id.run, blocked, redeemed, held, "the vouchers of a stopped run are blocked");
        }
        Ok(())
    }

    async fn block_later(&self, id: &RunId, shard: u8, wait: TimeDelta) -> Result<(), RunError> {
        // A second more: it comes by another clock.
        let seconds = wait.num_seconds().saturating_add(1).clamp(1, DELAY_MAX);
        let block = [CampaignMessage::Block {
            tenant: id.tenant.clone(),
            run: id.run.clone(),
            revision: id.revision,
            shard,
        }];
        let seconds = u16::try_from(seconds).unwrap_or(1);
        let sent = self
            .sender
            .send_later(Site::RunSend, &self.queues.campaign, &block, seconds);
        Ok(sent.await?)
    }

    /// What is still to be blocked is asked for again: a message may be lost with a queue.
    pub(crate) async fn ask_for_blocks(&self, tenant: &domain::id::Tenant) -> Result<(), RunError> {
        let waiting = run::still_blocking(&self.db, Site::RunBlocking, tenant, BLOCKING_MAX).await?;
        for run in waiting {
            let Some(blocking) = &run.d.blocking else { continue };
            let blocks = voucher_blocks(tenant, (&run.d.run, run.d.revision), blocking.shards);
            self.sender.send(Site::RunSend, &self.queues.campaign, &blocks).await?;
        }
        Ok(())
    }
}

/// The work of a shard behind the last member of a pass.
fn passed(mut work: BlockWork, begun_at: DateTime<Utc>, stopped: &Stopped<'_>) -> BlockWork {
    work.passes = work.passes.saturating_add(1);
    let settled = begun_at >= stopped.blocking.settled_at();
    if settled && (work.counts.held == 0 || work.passes >= PASSES_MAX) {
        work.done = true;
        return work;
    }
    let held = work.held_until.take().map(|until| {
        let least = stopped.now.checked_add_signed(HELD_WAIT).unwrap_or(until);
        until.max(least)
    });
    let settled_at = (!settled).then(|| stopped.blocking.settled_at());
    work.waits_until = held.max(settled_at);
    work.before = Some(std::mem::take(&mut work.counts));
    (work.revision, work.after, work.begun_at) = (0, None, None);
    work
}
