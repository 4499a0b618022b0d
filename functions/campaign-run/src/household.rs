//! One letter for each household, where the campaign says so.
//!
//! A member that would get one claims its household, in one transaction: itself, and all that it lives with by a relationship of
//! the type `household`. So of two that are related, or are both related to the same third, one is served, whoever is walked past
//! first; the claim of a worker that died is found again as the same member's.

use chrono::{DateTime, NaiveDate, Utc};
use domain::id::PartyId;
use party::related::Relationship;
use store::Site;
use store::relationship::HOUSEHOLD;
use store::run::{self, Claim, RunId};

use crate::{App, RunError, pause};

/// Rounds against the claims of others that are made at the same time.
const ROUNDS_MAX: u32 = 25;

/// Those that the party lives with on the day, by id; of more than a household has the first ones.
pub(crate) fn housemates(related: &[Relationship], day: NaiveDate) -> Vec<PartyId> {
    let standing = related
        .iter()
        .filter(|related| related.kind.as_str() == HOUSEHOLD && !related.ended && related.holds(day));
    let mut mates: Vec<PartyId> = standing.map(|related| related.other.clone()).collect();
    mates.sort();
    mates.dedup();
    mates.truncate(run::HOUSEMATES_MAX);
    mates
}

impl App {
    /// Whether the household of a member that would be served is another member's already. One that lives alone needs no claim.
    pub(crate) async fn household_served(
        &self,
        id: &RunId,
        party: &PartyId,
        mates: &[PartyId],
        now: DateTime<Utc>,
    ) -> Result<bool, RunError> {
        if mates.is_empty() {
            return Ok(false);
        }
        for round in 0..ROUNDS_MAX {
            pause(round).await;
            match run::claim_household(&self.db, Site::RunHousehold, id, party, mates, now).await? {
                Claim::Ours => return Ok(false),
                Claim::Anothers => return Ok(true),
                Claim::Contended => {}
            }
        }
        Err(RunError::Contended)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn related(kind: &str, other: &str, until: Option<&str>, ended: bool) -> Relationship {
        let role = || "member".parse().unwrap();
        Relationship {
            number: 1,
            kind: kind.parse().unwrap(),
            role: role(),
            other: other.parse().unwrap(),
            other_role: role(),
            since: "2020-01-01".parse().unwrap(),
            until: until.map(|day| day.parse().unwrap()),
            ended,
            department: None,
            shares: None,
            points_owner: None,
        }
    }

    #[test]
    fn only_who_lives_with_a_party_on_the_day_is_of_its_household() {
        let known = [
            related("household", "zoe", None, false),
            related("household", "anna", Some("2026-12-01"), false),
            related("household", "anna", None, false),
            related("household", "moved-out", Some("2026-11-30"), false),
            related("household", "ended", None, true),
            related("employment", "firm", None, false),
        ];
        let mates = housemates(&known, "2026-12-01".parse().unwrap());
        let names: Vec<_> = mates.iter().map(PartyId::as_str).collect();
        assert_eq!(names, ["anna", "zoe"]);
    }
}
