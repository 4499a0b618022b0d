//! The members of a shard get their vouchers.

use campaign::{Bearer, Channel, Decision, Kind, Schedule, Terms, Worth, terms};
use chrono::{DateTime, Utc};
use domain::calendar;
use domain::code::VoucherCode;
use domain::id::{LocationId, PartyId};
use domain::location::{Location, LocationKind};
use domain::voucher::{CampaignTerms, Parts, State, Voucher, VoucherNumber};
use messages::LettershopMessage;
use runtime::sqs::Deadline;
use store::programme::{self};
use store::run::{self, Gave, Given, GivenVoucher, Issued, Member, Run, RunId, ShardWork, Stage};
use store::{Record, Site, StoreError, location, party};

use crate::page::worked;
use crate::pay::Price;
use crate::{App, RunError};

/// Pages after which the position is kept. Each costs a write; without it a worker that comes in place of a dead one asks for the
/// vouchers of so many members once more, and of a run that was stopped meanwhile they are not among the issued.
const PAGES_KEPT: u32 = 2;
/// Positions that are kept for one message.
const POSITIONS_MAX: u32 = 10_000;

/// What all vouchers of a run share.
pub(crate) struct Issuing<'a> {
    id: &'a RunId,
    pub(crate) run: &'a Run,
    terms: Terms,
    /// The locations that take them; all, when empty.
    locations: Vec<LocationId>,
    reservation_seconds: u32,
    /// What vouchers cost; `None` where they are given away.
    price: Option<Price<'a>>,
    key: &'a [u8],
    key_version: u32,
    issued_at: DateTime<Utc>,
    now: DateTime<Utc>,
}

impl App {
    /// Gives the members that are left of a shard their vouchers; `true` when more is left than the time allows. Who finds that
    /// all shards are done asks for the file.
    pub(crate) async fn issue(
        &self,
        id: &RunId,
        shard: u8,
        deadline: Deadline,
        now: DateTime<Utc>,
    ) -> Result<bool, RunError> {
        let run = run::read(&self.db, Site::RunFind, id).await?;
        let run = run.ok_or(RunError::Unusable("the run was not begun"))?;
        if run.d.stage == Stage::Writing {
            return self.ask_for_file(id).await.map(|()| false);
        }
        if run.d.stage != Stage::Issuing {
            return Ok(false);
        }
        let issuing = self.issuing(id, &run.d, now).await?;
        for position in 0..POSITIONS_MAX {
            if position > 0 && self.is_stopped(id).await? {
                return Ok(false);
            }
            let before = run::shard_work(&self.db, Site::RunParts, id, shard).await?;
            if before.done {
                return self.issued(id, &run, now).await.map(|()| false);
            }
            let (after, failed) = self.pages(&issuing, shard, &before, deadline).await;
            if after != before {
                // Where another worker was faster, it has given the same vouchers, and its position counts.
                run::advance(&self.db, Site::RunAdvance, (id, shard), &before, after, now).await?;
            }
            failed?;
            if deadline.is_near() {
                return Ok(true);
            }
        }
        Err(RunError::Contended)
    }

    /// Gives the members behind a position their vouchers, as far as the position that is kept next: behind some pages, at the end, or
    /// where the time, a stop or an error ends it. What was served before an error is served.
    async fn pages(
        &self,
        issuing: &Issuing<'_>,
        shard: u8,
        before: &ShardWork,
        deadline: Deadline,
    ) -> (ShardWork, Result<(), RunError>) {
        let mut work = before.clone();
        for page in 0..PAGES_KEPT {
            match self.page(issuing, shard, work.clone(), (page, deadline)).await {
                Ok(Some(next)) => work = next,
                Ok(None) => break,
                Err(error) => return (work, Err(error)),
            }
            if work.done {
                break;
            }
        }
        (work, Ok(()))
    }

    /// The shard after its next page; `None` where the time or a stop ends it before. The first page is always begun.
    async fn page(
        &self,
        issuing: &Issuing<'_>,
        shard: u8,
        mut work: ShardWork,
        (page, deadline): (u32, Deadline),
    ) -> Result<Option<ShardWork>, RunError> {
        if page > 0 && (deadline.is_near() || self.is_stopped(issuing.id).await?) {
            return Ok(None);
        }
        let of = (issuing.id, shard);
        let found = run::members(&self.db, Site::RunMembers, of, work.after.clone(), self.page).await?;
        let served = worked(found, deadline, |member| self.serve(issuing, member)).await?;
        work.issued = served.each.into_iter().fold(work.issued, Issued::plus);
        work.done = served.next.is_none();
        work.after = served.next.or(work.after);
        Ok(Some(work))
    }

    /// Whether somebody has stopped the run since.
    async fn is_stopped(&self, id: &RunId) -> Result<bool, RunError> {
        let run = run::read(&self.db, Site::RunFind, id).await?;
        Ok(run.is_none_or(|run| run.d.stage == Stage::Stopped))
    }

    pub(crate) async fn issuing<'a>(
        &'a self,
        id: &'a RunId,
        run: &'a Run,
        now: DateTime<Utc>,
    ) -> Result<Issuing<'a>, RunError> {
        let current =
            programme::read_current(&self.db, Site::RunProgramme, &id.tenant, &run.campaign.programme).await?;
        let current = current.ok_or(RunError::Unusable("the programme of the campaign is not stored"))?;
        let key_version = run.code_key_version.unwrap_or(self.code_keys.current);
        let key = self.code_keys.key(key_version);
        let ended = |_| RunError::Unusable("the vouchers of the run would be over before its day");
        let given = terms(&run.campaign, run.day).map_err(ended)?;
        Ok(Issuing {
            id,
            run,
            locations: self.locations(id, &given).await?,
            price: Price::of((id, run), &given, current.d.programme.version, now),
            terms: given,
            reservation_seconds: current.d.programme.reservation_seconds,
            key: key.ok_or(RunError::Unusable("the code key of the run is missing"))?,
            key_version,
            issued_at: run.started_at.unwrap_or(now),
            now,
        })
    }

    /// The locations that the terms name, by channel or by id, as they are today; none where all take the vouchers.
    async fn locations(&self, id: &RunId, terms: &Terms) -> Result<Vec<LocationId>, RunError> {
        if terms.channels.is_empty() && terms.locations.is_empty() {
            return Ok(Vec::new());
        }
        let known = location::list(&self.db, Site::RunLocations, &id.tenant).await?;
        let channel = |kind| match kind {
            LocationKind::Shop => Channel::Shop,
            LocationKind::Branch => Channel::Branch,
        };
        let takes = |location: &Location| {
            let by_channel = terms.channels.is_empty() || terms.channels.contains(&channel(location.kind));
            let by_name = terms.locations.is_empty() || terms.locations.iter().any(|name| name == location.id.as_str());
            by_channel && by_name
        };
        let found: Vec<_> = known
            .into_iter()
            .filter(|known| takes(&known.d))
            .map(|known| known.d.id)
            .collect();
        if found.is_empty() {
            return Err(RunError::Unusable("no location takes the vouchers of the run"));
        }
        Ok(found)
    }

    /// Gives a member its vouchers; the same ones however often.
    async fn serve(&self, issuing: &Issuing<'_>, record: Record<Member>) -> Result<Issued, RunError> {
        let member = &record.d;
        let Decision::In { vouchers } = member.decision else {
            return self.serve_paid(issuing, member).await;
        };
        let tenant = &issuing.id.tenant;
        let kept_back = Issued {
            kept_back: 1,
            ..Issued::default()
        };
        let standing = self.standing(issuing, member).await?;
        let is_owed = match (standing, issuing.price) {
            (Standing::Reached, _) => true,
            // What it has paid for it gets, though nothing is printed for it any more.
            (Standing::Unreached, Some(_)) => self.paid(issuing.id, issuing.run, &member.party).await? > 0,
            (Standing::Unreached, None) | (Standing::Gone, _) => false,
        };
        if standing != Standing::Reached {
            run::drop_letter(&self.db, Site::RunStopped, record.clone(), issuing.now).await?;
        }
        if !is_owed {
            return Ok(kept_back);
        }
        if serves_once_for_all_runs(issuing.run) {
            let given = Given {
                period: member.period.clone(),
                run: issuing.run.run.clone(),
            };
            let of = (tenant, &member.party, &*issuing.run.campaign.id);
            if !run::note(&self.db, Site::RunNote, of, given, issuing.now).await? {
                return Ok(kept_back);
            }
        }
        let vouchers = match issuing.price {
            Some(price) => self.pay(price, &member.party, vouchers).await?,
            None => vouchers,
        };
        if vouchers == 0 {
            run::drop_letter(&self.db, Site::RunStopped, record, issuing.now).await?;
            return Ok(kept_back);
        }
        for number in numbers(vouchers) {
            self.give(issuing, &member.party, number).await?;
        }
        Ok(Issued {
            members: 1,
            vouchers: u64::from(vouchers),
            kept_back: 0,
        })
    }

    /// A member that was chosen before the run was stopped, has paid, and gets no letter any more, gets what it has paid for.
    async fn serve_paid(&self, issuing: &Issuing<'_>, member: &Member) -> Result<Issued, RunError> {
        let nothing = Issued::default();
        if issuing.price.is_none() || issuing.id.revision == 1 {
            return Ok(nothing);
        }
        let paid = self.paid(issuing.id, issuing.run, &member.party).await?;
        if paid == 0 || self.standing(issuing, member).await? == Standing::Gone {
            return Ok(nothing);
        }
        for number in numbers(paid) {
            self.give(issuing, &member.party, number).await?;
        }
        Ok(Issued {
            vouchers: u64::from(paid),
            ..nothing
        })
    }

    /// Asked when the vouchers are given.
    async fn standing(&self, issuing: &Issuing<'_>, member: &Member) -> Result<Standing, RunError> {
        let tenant = &issuing.id.tenant;
        let document = match party::read(&self.db, Site::RunStopped, tenant, &member.party).await {
            Ok(Some(found)) => found.d,
            Ok(None) | Err(StoreError::Erased(_)) => return Ok(Standing::Gone),
            Err(error) => return Err(error.into()),
        };
        let today = calendar::business_day(issuing.now, issuing.run.zone);
        let reached = document.voucher_stop(issuing.now).is_none() && document.letter_reaches(member.contact, today);
        Ok(if reached {
            Standing::Reached
        } else {
            Standing::Unreached
        })
    }

    pub(crate) async fn give(&self, issuing: &Issuing<'_>, party: &PartyId, number: u8) -> Result<(), RunError> {
        let voucher = issuing.voucher(party, number);
        let lookup = VoucherCode::derive(issuing.key, &voucher.id()).lookup_key(self.pepper.bytes());
        let new = GivenVoucher { voucher, lookup };
        match run::give(&self.db, Site::RunGive, &issuing.id.tenant, new, issuing.now).await? {
            Gave::Stands => Ok(()),
            // Of 2^80 codes. Whoever looks at the dead letter begins the run under another name.
            Gave::Taken => Err(RunError::Unusable("the code of a voucher belongs to another one")),
        }
    }

    /// Moves the run on once all shards are done, and asks for its file.
    async fn issued(&self, id: &RunId, run: &Record<Run>, now: DateTime<Utc>) -> Result<(), RunError> {
        let (issued, done) = run::shards_work(&self.db, Site::RunParts, id).await?;
        if done < run.d.cut.shards {
            return Ok(());
        }
        let changed = run::change(&self.db, Site::RunChange, run, now, |run| {
            run.issued = Some(issued);
            run.stage = Stage::Writing;
        });
        if changed.await? {
            let Issued {
                members,
                vouchers,
                kept_back,
            } = issued;
            tracing::info!(run = %id.run, members, vouchers, kept_back, "the vouchers of a run are issued");
        }
        self.ask_for_file(id).await
    }

    pub(crate) async fn ask_for_file(&self, id: &RunId) -> Result<(), RunError> {
        let write = LettershopMessage::Write {
            tenant: id.tenant.clone(),
            run: id.run.clone(),
            revision: id.revision,
        };
        Ok(self
            .sender
            .send(Site::RunSendFile, &self.queues.lettershop, &[write])
            .await?)
    }
}

/// Where a member stands when the vouchers are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Vouchers and a letter reach it.
    Reached,
    /// Since it was chosen it was put on a blacklist, wants no letters any more, or a letter has come back from its address.
    Unreached,
    /// It was erased.
    Gone,
}

/// The numbers of a member's vouchers.
fn numbers(vouchers: u32) -> impl Iterator<Item = u8> {
    1..=u8::try_from(vouchers).unwrap_or(u8::MAX)
}

/// Whether different runs of the campaign could serve somebody for the same period: then each is noted with the party. Of one run
/// a period, the name of the run is enough.
fn serves_once_for_all_runs(run: &Run) -> bool {
    match (&run.campaign.kind, run.campaign.schedule) {
        (Kind::Birthday { .. }, _) => true,
        (Kind::Individual {}, schedule) => !matches!(schedule, Schedule::Once { .. }),
        (Kind::Bonus {}, _) => false,
    }
}

impl Issuing<'_> {
    /// The voucher with all its terms, so that no later call needs the campaign.
    fn voucher(&self, party: &PartyId, number: u8) -> Voucher {
        let (value_minor, per_cent, max_discount_minor) = match self.terms.worth {
            Worth::Amount { value_minor } => (value_minor, None, None),
            Worth::PerCent {
                per_cent,
                max_discount_minor,
            } => (0, u8::try_from(per_cent).ok(), max_discount_minor),
        };
        Voucher {
            party: party.clone(),
            programme: self.run.campaign.programme.clone(),
            number: VoucherNumber::of_run(self.run.run.clone(), number),
            value_minor,
            currency: self.run.currency,
            min_basket_minor: self.terms.min_basket_minor,
            valid_from: self.terms.valid_from,
            valid_until: self.terms.valid_until,
            zone: self.run.zone,
            reservation_seconds: self.reservation_seconds,
            origin: None,
            issued_at: self.issued_at,
            code_key_version: self.key_version,
            state: State::Open,
            version: 1,
            state_version: 1,
            reversed: Vec::new(),
            payment: None,
            partial: self.terms.partial.then(Parts::default),
            campaign: Some(CampaignTerms {
                per_cent,
                max_discount_minor,
                groups: self.terms.groups.clone(),
                locations: self.locations.clone(),
                bearer: self.terms.bearer == Bearer::Bearer,
                needs_confirmation: self.terms.needs_acknowledgement,
                debited_on: self.price.map(|price| price.run.day),
            }),
        }
    }
}
