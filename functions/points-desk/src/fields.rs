//! Bodies become adjustments, or findings.

use chrono::{DateTime, NaiveDate, Utc};
use domain::adjustment::{ADJUSTED_POINTS_MAX, Adjustment, Kind, REASON_MAX, State};
use domain::calendar;
use domain::code;
use domain::id::{LookupKey, PartyId, ProgrammeId};
use domain::secret::Secret;
use domain::text;
use domain::voucher::EXTENSION_DAYS_MAX;
use http_edge::{Caller, Code, Findings, Problem, client_token};

use crate::App;

/// What every body has.
pub(crate) struct Common<'a> {
    pub(crate) programme: &'a str,
    pub(crate) reason: &'a Secret,
    pub(crate) client_token: &'a str,
}

/// Reads a reason.
pub(crate) fn reason(reason: &Secret, found: &mut Findings) {
    if !text::is_line(reason.as_str(), REASON_MAX) {
        found.add("/reason", "out_of_range", "must have 1 to 200 printable characters");
    }
}

/// Checks the points of a correction.
pub(crate) fn corrected(points: i64, found: &mut Findings) {
    if points == 0 || points.unsigned_abs() > ADJUSTED_POINTS_MAX.unsigned_abs() {
        found.add("/points", "out_of_range", "must be -1000000 to 1000000 and not 0");
    }
}

/// Checks the points of a transfer.
pub(crate) fn transferred(points: i64, found: &mut Findings) {
    if !(1..=ADJUSTED_POINTS_MAX).contains(&points) {
        found.add("/points", "out_of_range", "must be 1 to 1000000");
    }
}

/// The day to which a voucher is extended; that it is later than the one before is the voucher's to say.
pub(crate) fn last_day(text: &str, now: DateTime<Utc>, found: &mut Findings) -> Option<NaiveDate> {
    let day: NaiveDate = found.field("/valid_until", text)?;
    if day > calendar::plus_days(now.date_naive(), EXTENSION_DAYS_MAX) {
        found.add("/valid_until", "out_of_range", "must be at most 3660 days from today");
    }
    Some(day)
}

/// The receiver of a transfer.
pub(crate) fn receiver(to: &str, giver: &PartyId, found: &mut Findings) -> Option<PartyId> {
    let to: PartyId = found.field("/to", to)?;
    if to == *giver {
        found.add(
            "/to",
            "not_applicable",
            "must be another party than the one in the path",
        );
    }
    Some(to)
}

impl App {
    /// The adjustment that a call asks for, with its id.
    ///
    /// # Errors
    /// [`Code::Invalid`] with everything that was found.
    pub(crate) fn asked(
        &self,
        caller: &Caller,
        common: &Common<'_>,
        (party, kind, points): (PartyId, Option<Kind>, i64),
        mut found: Findings,
        now: DateTime<Utc>,
    ) -> Result<(LookupKey, Adjustment), Problem> {
        let programme: Option<ProgrammeId> = found.field("/programme", common.programme);
        reason(common.reason, &mut found);
        if !client_token::is_valid(common.client_token) {
            found.add("/client_token", "malformed", client_token::RULE);
        }
        found.none()?;
        let (Some(kind), Some(programme)) = (kind, programme) else {
            return Err(Problem::new(
                Code::Internal,
                "the body was neither understood nor refused",
            ));
        };
        let adjustment = Adjustment {
            version: 1,
            kind,
            party,
            programme,
            points,
            reason: common.reason.clone(),
            author: caller.subject.clone(),
            client: caller.client.clone(),
            asked_at: now,
            state: State::AwaitingApproval,
        };
        Ok((self.id(caller, common.client_token), adjustment))
    }

    /// The id of what a person asks for under a token. Two people who come through one client may use the same token.
    fn id(&self, caller: &Caller, token: &str) -> LookupKey {
        // Neither client, subject nor token can hold a space.
        let text = format!("{} {} {token}", caller.client, caller.subject);
        code::lookup_key(self.pepper.bytes(), "adjustment/1", text.as_bytes())
    }
}
