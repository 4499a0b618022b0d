//! The members of a segment are chosen and frozen.

use campaign::{
    BudgetRule, Campaign, Circumstances, Compiled, Decision, DryRun, Kind, PLACEHOLDERS, Priced, Reason, decide, due,
};
use chrono::{DateTime, NaiveDate, Utc};
use domain::location::LocationKind;
use domain::money::OutOfRange;
use domain::till_text::Language;
use futures::stream::{self, StreamExt, TryStreamExt};
use lettershop::Letter;
use lettershop::address::{LINE_MAX_DEFAULT, Layout};
use runtime::sqs::Deadline;
use std::ops::RangeInclusive;
use store::run::{self, Cut, FoundParty, Lessee, Member, Part, Run, RunId, SealingKey, Shares, Stage};
use store::scan::Segment;
use store::{Record, Site, location};

use crate::budget::Purse;
use crate::earlier::{Before, Earlier};
use crate::household::housemates;
use crate::subject::{Looking, address, subject};
use crate::{App, RunError};

/// Members that are frozen at the same time.
const AT_ONCE: usize = 16;
/// Parts of one segment that one message stores, and rounds lost to other workers among them.
const PARTS_MAX: u32 = 10_000;
/// Members of one page, when they are counted.
const PAGE: i32 = 500;
/// Why a run is stopped of which more is frozen than its sums say.
const DISTURBED: &str = "choice_disturbed";
/// Parties after which a part ends.
const PART_PARTIES: u64 = 20_000;

/// Where a part of a segment begins.
#[derive(Debug, Default)]
struct Begin {
    number: u32,
    after: Option<run::Position>,
    /// What the part before it has leased and not spent, in minor units.
    left_minor: i64,
}

/// What all decisions of a run share.
struct Choice<'a> {
    id: &'a RunId,
    earlier: Earlier,
    campaign: &'a Campaign,
    compiled: Compiled,
    priced: Priced,
    looking: Looking,
    due: Option<RangeInclusive<NaiveDate>>,
    key: Option<SealingKey>,
    layout: Layout,
    cut: Cut,
    now: DateTime<Utc>,
}

impl App {
    /// Chooses what is left of a segment; `true` when more is left than the time allows. Who finds that all segments are done
    /// brings their sums together.
    pub(crate) async fn choose(
        &self,
        id: &RunId,
        segment: u8,
        deadline: Deadline,
        now: DateTime<Utc>,
    ) -> Result<bool, RunError> {
        let run = run::read(&self.db, Site::RunFind, id).await?;
        let run = run.ok_or(RunError::Unusable("the run was not begun"))?;
        if let Some(chosen) = run.d.chosen.as_ref().filter(|_| run.d.stage == Stage::Chosen) {
            // Chosen, perhaps by a worker that died before it moved the campaign on.
            return self.tried(id, &run, chosen.digest, now).await.map(|()| false);
        }
        if run.d.stage != Stage::Choosing {
            return Ok(false);
        }
        let choice = self.choice(id, &run, now).await?;
        for _ in 0..PARTS_MAX {
            let last = run::last_part(&self.db, Site::RunParts, id, segment).await?;
            let begin = match last {
                None => Begin::default(),
                Some(part) if part.next.is_none() => return self.chosen(id, &run, now).await.map(|()| false),
                Some(part) => Begin {
                    number: part.number.saturating_add(1),
                    after: part.next,
                    left_minor: part.left_minor,
                },
            };
            let part = self.part(&choice, segment, begin, deadline).await?;
            let is_last = part.next.is_none();
            // Where another worker has stored this part, ours is dropped: theirs says where to go on.
            run::store_part(&self.db, Site::RunPart, (id, segment), part, now).await?;
            if deadline.is_near() && !is_last {
                return Ok(true);
            }
        }
        Err(RunError::Contended)
    }

    async fn choice<'a>(
        &self,
        id: &'a RunId,
        run: &'a Record<Run>,
        now: DateTime<Utc>,
    ) -> Result<Choice<'a>, RunError> {
        let campaign = &run.d.campaign;
        let compiled = campaign.compile().map_err(|found| RunError::unsound(&found))?;
        let locations = location::list(&self.db, Site::RunLocations, &id.tenant).await?;
        let shops = locations
            .into_iter()
            .filter(|location| location.d.kind == LocationKind::Shop)
            .map(|location| location.d.id.to_string());
        Ok(Choice {
            earlier: self.earlier(id, &run.d).await?,
            id,
            campaign,
            compiled,
            priced: Priced::new(campaign, run.d.day),
            looking: Looking {
                day: run.d.day,
                at: run.created_at,
                zone: run.d.zone,
                rfmr: run.d.rfmr.clone(),
                shops: shops.collect(),
            },
            due: birthdays(campaign, run.d.day)?,
            layout: layout()?,
            cut: run.d.cut,
            key: run::sealing_key(&self.db, Site::RunKey, id, run.created_at, now).await?,
            now,
        })
    }

    /// Chooses from a position on, until the part is full or the time is nearly over.
    async fn part(&self, choice: &Choice<'_>, segment: u8, begin: Begin, deadline: Deadline) -> Result<Part, RunError> {
        let of = (&choice.id.tenant, &choice.campaign.programme, &*choice.campaign.id);
        let Begin { number, mut after, .. } = begin;
        let lessee = Lessee {
            id: choice.id,
            segment,
            part: number,
        };
        let purse = match choice.shares() {
            Some(shares) => Some(Purse::open(self, lessee, shares, begin.left_minor).await?),
            None => None,
        };
        let segment = Segment {
            index: i32::from(segment),
            of: i32::from(choice.cut.segments),
        };
        let mut sums = DryRun::default();
        loop {
            let found = run::walk(&self.db, Site::RunWalk, of, segment, after).await?;
            let frozen = stream::iter(found.parties)
                .map(|party| self.decide_one(choice, purse.as_ref(), party))
                .buffer_unordered(AT_ONCE);
            let decided: Vec<Member> = frozen.try_collect().await?;
            for member in &decided {
                sums.add(&member.party, &member.decision, &choice.priced)?;
            }
            if found.next.is_none() || sums.totals.members >= PART_PARTIES || deadline.is_near() {
                let left_minor = match &purse {
                    Some(purse) => purse.left_minor().await,
                    None => 0,
                };
                return Ok(Part {
                    number,
                    next: found.next,
                    left_minor,
                    dry_run: sums,
                });
            }
            after = found.next;
        }
    }

    /// Decides about a party; what is frozen of it already stays.
    async fn decide_one(
        &self,
        choice: &Choice<'_>,
        purse: Option<&Purse<'_>>,
        found: FoundParty,
    ) -> Result<Member, RunError> {
        let before = self.before(choice.id, &choice.earlier, &found.document.party).await?;
        if before.is_chosen() {
            // Budget and household were asked before.
            let member = choice.member(&found, None, before)?;
            return self.frozen_one(choice, &found, member, before).await;
        }
        let mut member = choice.member(&found, None, before)?;
        let mut took_minor = choice.face_minor(&member.decision)?;
        if let Some(purse) = purse.filter(|_| took_minor > 0)
            && !purse.take(self, took_minor, choice.now).await?
        {
            took_minor = 0;
            member = choice.member(&found, Some(Reason::OverBudget), before)?;
        }
        if choice.campaign.one_per_household && self.is_household_served(choice, &found, &member).await? {
            member = choice.member(&found, Some(Reason::HouseholdServed), before)?;
        }
        let member = self.frozen_one(choice, &found, member, before).await?;
        if let Some(purse) = purse {
            purse.settle(took_minor, choice.face_minor(&member.decision)?).await?;
        }
        Ok(member)
    }

    /// Whether the household of a member is another one's, in this choice or in an earlier one that was started.
    async fn is_household_served(
        &self,
        choice: &Choice<'_>,
        found: &FoundParty,
        member: &Member,
    ) -> Result<bool, RunError> {
        if matches!(member.decision, Decision::Out { .. }) {
            return Ok(false);
        }
        let mates = housemates(&found.related, choice.looking.day);
        for mate in &mates {
            if self.before(choice.id, &choice.earlier, mate).await?.is_chosen() {
                return Ok(true);
            }
        }
        self.household_served(choice.id, &member.party, &mates, choice.now)
            .await
    }

    /// Freezes a member of whom more is kept than the sums.
    async fn frozen_one(
        &self,
        choice: &Choice<'_>,
        found: &FoundParty,
        mut member: Member,
        before: Before,
    ) -> Result<Member, RunError> {
        if !is_frozen(&member.decision) {
            return Ok(member);
        }
        let (_, place) = address(&found.document, choice.looking.day);
        if let (Decision::In { vouchers }, Some(place)) = (&member.decision, place) {
            let points = choice.points_left(found, *vouchers, before);
            let letter = Letter::to(&found.document, place, points, &choice.layout);
            let letter = serde_json::to_vec(&letter).map_err(|_| RunError::Unusable("a letter cannot be written"))?;
            let key = choice.key.as_ref();
            let key = key.ok_or(RunError::Unusable(
                "the time of the run's addresses is over: begin a new one",
            ))?;
            member.letter = Some(key.seal(&member.party, &letter)?);
            member.contact = Some(place.0.id);
        }
        Ok(run::freeze(&self.db, Site::RunFreeze, (choice.id, choice.cut), member, choice.now).await?)
    }

    /// Letters and vouchers of the members that are frozen. Where a worker died behind a member whose facts changed before another
    /// came to it, one is frozen that the sums do not count, and nobody approved.
    async fn frozen(&self, id: &RunId, cut: Cut) -> Result<(u64, u64), RunError> {
        let (mut letters, mut vouchers) = (0u64, 0u64);
        for shard in 0..cut.shards {
            let mut after = None;
            loop {
                let (members, next) = run::members(&self.db, Site::RunMembers, (id, shard), after, PAGE).await?;
                for member in members {
                    if let Decision::In { vouchers: of_member } = member.d.decision {
                        letters = letters.saturating_add(1);
                        vouchers = vouchers.saturating_add(u64::from(of_member));
                    }
                }
                after = next;
                if after.is_none() {
                    break;
                }
            }
        }
        Ok((letters, vouchers))
    }

    /// Brings the sums together once all segments are done, and moves run and campaign on.
    async fn chosen(&self, id: &RunId, run: &Record<Run>, now: DateTime<Utc>) -> Result<(), RunError> {
        let Some(sums) = run::merged(&self.db, Site::RunParts, id, run.d.cut).await? else {
            return Ok(());
        };
        let digest = sums.digest;
        let disturbed = self.frozen(id, run.d.cut).await? != (sums.totals.letters, sums.totals.vouchers);
        let beyond = run
            .d
            .campaign
            .budget_minor
            .is_some_and(|budget| sums.totals.is_beyond(budget));
        let (members, letters) = (sums.totals.members, sums.totals.letters);
        let changed = run::change(&self.db, Site::RunChange, run, now, |run| {
            run.chosen = Some(sums);
            run.stage = Stage::Chosen;
            if beyond || disturbed {
                run.stage = Stage::Stopped;
                run.stopped = Some(if disturbed { DISTURBED } else { "beyond_budget" }.to_owned());
            }
        });
        if changed.await? {
            tracing::info!(run = %id.run, revision = id.revision, members, letters, "the members of a run are chosen");
        }
        if disturbed {
            tracing::error!(run = %id.run, revision = id.revision, "members were frozen that no sum counts: try it again");
            return Ok(());
        }
        if beyond {
            tracing::warn!(run = %id.run, "a run goes beyond its budget and is not made");
            return Ok(());
        }
        self.tried(id, run, digest, now).await
    }
}

impl Choice<'_> {
    /// The points that the letter names: what the vouchers leave of the balance.
    fn points_left(&self, found: &FoundParty, vouchers: u32, before: Before) -> i64 {
        let balance = found.account.as_ref().map_or(0, |account| account.balance);
        let each = self.campaign.voucher.cost_points.unwrap_or(0);
        let unpaid = vouchers.saturating_sub(before.paid);
        balance.saturating_sub(each.saturating_mul(i64::from(unpaid)))
    }

    /// What the budget is leased in; `None` where nobody is left out for it.
    fn shares(&self) -> Option<Shares> {
        let budget_minor = self.campaign.budget_minor?;
        let voucher = &self.campaign.voucher;
        let least = match voucher.cost_points {
            // Who has points for one gets one.
            Some(_) => voucher.worth.face_minor(),
            None => self.campaign.face_per_member_minor(),
        };
        let shares = Shares {
            // What an earlier choice was started for is spent.
            budget_minor: budget_minor.saturating_sub(self.earlier.face_minor()),
            least_minor: least?.max(1),
            cut: self.cut,
        };
        (self.campaign.budget_rule == BudgetRule::LeaveOut).then_some(shares)
    }

    /// What a member's vouchers can take off at most, in minor units; 0 of one who gets none, or where only baskets limit it.
    fn face_minor(&self, decision: &Decision) -> Result<i64, OutOfRange> {
        let Decision::In { vouchers } = decision else {
            return Ok(0);
        };
        let face = self.campaign.voucher.worth.face_minor().unwrap_or(0);
        face.checked_mul(i64::from(*vouchers)).ok_or(OutOfRange)
    }

    /// The decision about a party: by its own values, or `against` it where others have come first.
    fn member(&self, found: &FoundParty, against: Option<Reason>, before: Before) -> Result<Member, RunError> {
        let mut subject = subject(found, &self.looking)?;
        let each = self.campaign.voucher.cost_points;
        let paid = each.unwrap_or(0).saturating_mul(i64::from(before.paid));
        // As if it had not paid yet.
        subject.points_balance = subject.points_balance.saturating_add(paid);
        let served: Vec<String> = found
            .given
            .iter()
            .filter(|given| given.run != self.id.run)
            .map(|given| given.period.clone())
            .collect();
        let circumstances = Circumstances {
            run_day: self.looking.day,
            due: self.due.as_ref(),
            placeholders: &PLACEHOLDERS,
            closed: false,
            address: address(&found.document, self.looking.day).0,
            no_vouchers: found.document.voucher_stop(self.looking.at).is_some(),
            served: &served,
            household_served: against == Some(Reason::HouseholdServed),
            budget_left_minor: (against == Some(Reason::OverBudget)).then_some(0),
        };
        let decision = decide(self.campaign, &self.compiled, &subject, &circumstances);
        let decision = before.settle(decision, each.is_some());
        Ok(Member {
            party: subject.party.clone(),
            decision,
            period: self.period(subject.birth_date),
            contact: None,
            letter: None,
        })
    }

    /// The period for which the member is served.
    fn period(&self, born: Option<NaiveDate>) -> String {
        let birthday = match (&self.campaign.kind, &self.due, born) {
            (Kind::Birthday { leap_day, .. }, Some(due), Some(born)) => campaign::birthday_within(due, born, *leap_day),
            _ => None,
        };
        self.campaign.period(birthday.unwrap_or(self.looking.day))
    }
}

/// Addresses of letters that are posted in Switzerland, with names of countries in German.
fn layout() -> Result<Layout, RunError> {
    let country = "CH"
        .parse()
        .map_err(|_| RunError::Unusable("there is no such country"))?;
    Layout::new(LINE_MAX_DEFAULT, country, Language::De).map_err(|_| RunError::Unusable("there are no such lines"))
}

/// The birthdays whose letters go out on the day of the run.
fn birthdays(campaign: &Campaign, day: NaiveDate) -> Result<Option<RangeInclusive<NaiveDate>>, RunError> {
    let Kind::Birthday { lead, .. } = &campaign.kind else {
        return Ok(None);
    };
    let calendars = campaign::built_in();
    let calendar = calendars.iter().find(|calendar| calendar.name == lead.calendar);
    let calendar = calendar.ok_or(RunError::Unusable("the campaign's calendar is not known"))?;
    let due = due(day, calendar, lead);
    let due = due.map_err(|_| RunError::Unusable("the campaign's calendar does not reach so far"))?;
    Ok(Some(due))
}

/// Whether the decision is kept with the run: of all others the sums are.
fn is_frozen(decision: &Decision) -> bool {
    match decision {
        Decision::In { .. } | Decision::Control => true,
        Decision::Out { reason } => matches!(
            reason,
            Reason::Blacklisted
                | Reason::LetterObjected
                | Reason::NoAddress
                | Reason::AddressBlocked
                | Reason::AlreadyHadOne
                | Reason::HouseholdServed
                | Reason::BelowRfmr
                | Reason::OverBudget
        ),
    }
}
