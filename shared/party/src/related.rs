//! Relationships between parties: one of a type stands between two parties at a time, and what stood before is kept.

use chrono::NaiveDate;
use domain::id::PartyId;
use serde::{Deserialize, Serialize};

use crate::Personal;
use crate::change::{Refused, Sight};
use crate::word::Word;

/// Most relationships of one type that are kept between two parties, with those that ended.
pub const RELATED_MAX: usize = 100;

/// A relationship as one of its parties sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relationship {
    /// Counts those of the type between the two that began on the same day, from 1.
    #[serde(rename = "n")]
    pub number: u32,
    /// One of the tenant's relationship types.
    #[serde(rename = "k")]
    pub kind: Word,
    /// What this party is in it.
    #[serde(rename = "r")]
    pub role: Word,
    /// The other party.
    #[serde(rename = "o")]
    pub other: PartyId,
    /// What the other party is in it.
    #[serde(rename = "or")]
    pub other_role: Word,
    /// First day.
    #[serde(rename = "a")]
    pub since: NaiveDate,
    /// Last day, once it is known.
    #[serde(default, rename = "b", skip_serializing_if = "Option::is_none")]
    pub until: Option<NaiveDate>,
    /// Somebody ended it: it is history, whatever its last day.
    #[serde(default, rename = "x", skip_serializing_if = "std::ops::Not::not")]
    pub ended: bool,
    /// Where in the other party's organisation.
    #[serde(default, rename = "d", skip_serializing_if = "Option::is_none")]
    pub department: Option<Personal>,
    /// As the type said when it began: its parties may move points to each other.
    #[serde(default, rename = "s", skip_serializing_if = "Option::is_none")]
    pub shares: Option<Shares>,
    /// The role whose holder owns the points of cards that the one party has from the other; the first role of the type when absent.
    #[serde(default, rename = "p", skip_serializing_if = "Option::is_none")]
    pub points_owner: Option<Word>,
}

/// Parties of a relationship may move points to each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shares {
    /// Those who have this role towards the same party belong together by it: the employees of one company, the members of one
    /// household, and not the two employers of one person.
    #[serde(rename = "g")]
    pub group: Word,
}

impl Relationship {
    /// Whether it is not history on the day `today`; it may begin later.
    pub fn stands(&self, today: NaiveDate) -> bool {
        !self.ended && self.until.is_none_or(|last| today <= last)
    }

    /// Whether it held or will hold on `day`.
    pub fn holds(&self, day: NaiveDate) -> bool {
        self.since <= day && self.until.is_none_or(|last| day <= last)
    }

    /// The same as the other party sees it.
    #[must_use]
    pub fn of_other(&self, party: &PartyId) -> Self {
        Self {
            role: self.other_role.clone(),
            other: party.clone(),
            other_role: self.role.clone(),
            ..self.clone()
        }
    }

    /// Whether the points of cards that this party has from the other one are the other's.
    pub fn other_owns_points(&self) -> bool {
        self.role != self.other_role && self.points_owner.as_ref() == Some(&self.other_role)
    }

    /// Whether `wanted` would hold while this one did. On the day on which somebody ended one another one may begin.
    fn meets(&self, wanted: &Self) -> bool {
        let begins_after = self.until.is_some_and(|last| {
            if self.ended {
                last <= wanted.since
            } else {
                last < wanted.since
            }
        });
        !begins_after && wanted.until.is_none_or(|last| self.since <= last)
    }

    /// Whether this one says what `wanted` does.
    fn says(&self, wanted: &Self, since_given: bool) -> bool {
        (!since_given || self.since == wanted.since)
            && (self.until, &self.department, &self.points_owner)
                == (wanted.until, &wanted.department, &wanted.points_owner)
    }
}

/// What a call comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The relationship that the call is about, as it is then.
    pub shown: Relationship,
    /// What is to be stored, on both sides; nothing when all is so already.
    pub puts: Vec<Relationship>,
}

impl Plan {
    const fn keep(shown: Relationship) -> Self {
        Self {
            shown,
            puts: Vec::new(),
        }
    }
}

/// Relates two parties. `known` are the relationships of the type between them, oldest first, at most [`RELATED_MAX`]. One that
/// stands with other content ends on the day before, for who has seen it. `since_given`: the caller said the first day.
///
/// # Errors
/// [`Refused::Unseen`], [`Refused::Overlaps`], [`Refused::EndsBefore`], [`Refused::Full`].
pub fn relate(
    known: &[Relationship],
    wanted: Relationship,
    since_given: bool,
    sight: Sight,
    today: NaiveDate,
) -> Result<Plan, Refused> {
    let standing = known.iter().find(|entry| entry.stands(today));
    let same = known.iter().filter(|entry| entry.says(&wanted, since_given));
    if let Some(same) = same
        .into_iter()
        .find(|entry| !entry.ended && (since_given || entry.stands(today)))
    {
        return Ok(Plan::keep(same.clone()));
    }
    if wanted.until.is_some_and(|last| last < wanted.since) {
        return Err(Refused::EndsBefore);
    }
    if known.len() >= RELATED_MAX {
        return Err(Refused::Full("relationships of this type with that party", RELATED_MAX));
    }
    // What is over before anything here began is added beside it; anything else may be a late repeat.
    let is_past = wanted.until.is_some_and(|last| last < today);
    if !known.is_empty() && !is_past {
        sight.insist("relationship")?;
    }
    let mut puts = Vec::new();
    if let Some(standing) = standing.filter(|_| !is_past) {
        // The next one begins when this one is over: two at a time would not say which is which.
        if wanted.since > today {
            return Err(Refused::Overlaps);
        }
        puts.push(ended_for(standing, wanted.since));
    }
    let others = known.iter().filter(|entry| puts.iter().all(|put| !put.is(entry)));
    if others.into_iter().any(|entry| entry.meets(&wanted)) {
        return Err(Refused::Overlaps);
    }
    let on_the_day = known
        .iter()
        .filter(|entry| entry.since == wanted.since)
        .map(|entry| entry.number);
    let number = on_the_day.max().unwrap_or(0).saturating_add(1);
    let shown = Relationship { number, ..wanted };
    puts.push(shown.clone());
    Ok(Plan { shown, puts })
}

/// Ends the relationship that stands, at once or with the day `last`; without one, the newest stays the history that it is.
///
/// # Errors
/// [`Refused::NoSuch`], [`Refused::Unseen`], [`Refused::EndsBefore`].
pub fn end(known: &[Relationship], last: Option<NaiveDate>, sight: Sight, today: NaiveDate) -> Result<Plan, Refused> {
    let Some(standing) = known.iter().find(|entry| entry.stands(today)) else {
        let newest = known.iter().max_by_key(|entry| (entry.since, entry.number));
        return newest.cloned().map(Plan::keep).ok_or(Refused::NoSuch("relationship"));
    };
    if last.is_some() && standing.until == last {
        return Ok(Plan::keep(standing.clone()));
    }
    sight.insist("relationship")?;
    if last.is_some_and(|last| last < standing.since) {
        return Err(Refused::EndsBefore);
    }
    let mut ended = standing.clone();
    ended.until = Some(last.unwrap_or(today).max(standing.since));
    ended.ended = last.is_none_or(|last| last < today);
    Ok(Plan {
        shown: ended.clone(),
        puts: vec![ended],
    })
}

/// A relationship that ends for one that begins on `first`, today or before.
fn ended_for(standing: &Relationship, first: NaiveDate) -> Relationship {
    let last = first
        .pred_opt()
        .filter(|last| standing.since <= *last)
        .unwrap_or(standing.since);
    Relationship {
        until: Some(standing.until.map_or(last, |until| until.min(last))),
        ended: true,
        ..standing.clone()
    }
}

impl Relationship {
    /// Whether it is the same entry, perhaps changed.
    fn is(&self, other: &Self) -> bool {
        (self.since, self.number) == (other.since, other.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn job(since: &str, until: Option<&str>, department: &str) -> Relationship {
        Relationship {
            number: 0,
            kind: "employment".parse().unwrap(),
            role: "employee".parse().unwrap(),
            other: "gmbh".parse().unwrap(),
            other_role: "employer".parse().unwrap(),
            since: day(since),
            until: until.map(day),
            ended: false,
            department: Some(Personal::new(department.to_owned())),
            shares: None,
            points_owner: None,
        }
    }

    /// The relationships after a plan was stored.
    fn stored(known: &[Relationship], plan: &Plan) -> Vec<Relationship> {
        let mut after: Vec<_> = known.to_vec();
        for put in &plan.puts {
            after.retain(|entry| !entry.is(put));
            after.push(put.clone());
        }
        after.sort_by_key(|entry| (entry.since, entry.number));
        after
    }

    fn dates(known: &[Relationship]) -> Vec<(String, Option<String>, bool)> {
        let text = |day: NaiveDate| day.to_string();
        known
            .iter()
            .map(|entry| (text(entry.since), entry.until.map(text), entry.ended))
            .collect()
    }

    #[test]
    fn one_that_is_changed_ends_and_another_begins_and_none_is_lost() {
        let today = day("2026-11-24");
        let first = relate(&[], job("2020-01-01", None, "Sales"), true, Sight::Unseen, today).unwrap();
        let known = stored(&[], &first);
        // The same again, with and without its first day.
        for since_given in [true, false] {
            let again = job(if since_given { "2020-01-01" } else { "2026-11-24" }, None, "Sales");
            let again = relate(&known, again, since_given, Sight::Unseen, today).unwrap();
            assert_eq!((again.puts, &again.shown), (vec![], &known[0]));
        }
        let other = job("2026-11-24", None, "Accounting");
        let unseen = relate(&known, other.clone(), false, Sight::Unseen, today);
        assert_eq!(unseen, Err(Refused::Unseen("relationship")));
        let changed = relate(&known, other, false, Sight::Seen, today).unwrap();
        let known = stored(&known, &changed);
        let of = |since: &str, until: Option<&str>, ended| (since.to_owned(), until.map(str::to_owned), ended);
        let expected = [
            of("2020-01-01", Some("2026-11-23"), true),
            of("2026-11-24", None, false),
        ];
        assert_eq!(dates(&known), expected);
        // And once more on the same day.
        let back = relate(&known, job("2026-11-24", None, "Sales"), false, Sight::Seen, today).unwrap();
        let known = stored(&known, &back);
        assert_eq!(known.len(), 3);
        assert_eq!(known.iter().filter(|entry| entry.stands(today)).count(), 1);
        assert_eq!(back.shown.number, 2);
    }

    #[test]
    fn at_most_one_stands_and_what_is_past_can_be_added() {
        let today = day("2026-11-24");
        let known = [Relationship {
            number: 1,
            ..job("2020-01-01", None, "Sales")
        }];
        let future = relate(&known, job("2027-01-01", None, "Sales"), true, Sight::Seen, today);
        assert_eq!(future, Err(Refused::Overlaps));
        let past = job("2010-01-01", Some("2015-12-31"), "Sales");
        let plan = relate(&known, past.clone(), true, Sight::Unseen, today).unwrap();
        let both = stored(&known, &plan);
        assert_eq!(relate(&both, past, true, Sight::Unseen, today).unwrap().puts, []);
        let across = job("2015-06-01", Some("2016-12-31"), "Sales");
        assert_eq!(relate(&both, across, true, Sight::Seen, today), Err(Refused::Overlaps));
        let backwards = job("2016-06-01", Some("2016-01-01"), "Sales");
        assert_eq!(
            relate(&both, backwards, true, Sight::Seen, today),
            Err(Refused::EndsBefore)
        );
        let many: Vec<_> = (1..=100)
            .map(|number| Relationship {
                number,
                ended: true,
                ..known[0].clone()
            })
            .collect();
        let full = relate(&many, job("2026-11-24", None, "Sales"), true, Sight::Seen, today);
        assert!(matches!(full, Err(Refused::Full(_, RELATED_MAX))));
    }

    #[test]
    fn one_that_ended_does_not_begin_or_end_again_by_a_late_repeat() {
        let today = day("2026-11-24");
        let known = [Relationship {
            number: 1,
            ..job("2020-01-01", None, "Sales")
        }];
        assert_eq!(
            end(&known, None, Sight::Unseen, today),
            Err(Refused::Unseen("relationship"))
        );
        assert_eq!(
            end(&known, Some(day("2019-01-01")), Sight::Seen, today),
            Err(Refused::EndsBefore)
        );
        let known = stored(&known, &end(&known, None, Sight::Seen, today).unwrap());
        assert_eq!(end(&known, None, Sight::Unseen, today).unwrap().puts, []);
        let late = relate(&known, job("2020-01-01", None, "Sales"), true, Sight::Unseen, today);
        assert_eq!(late, Err(Refused::Unseen("relationship")));
        // Who has seen the end may begin another on the same day.
        let again = relate(&known, job("2026-11-24", None, "Sales"), true, Sight::Seen, today).unwrap();
        assert_eq!(stored(&known, &again).len(), 2);
        assert_eq!(end(&[], None, Sight::Seen, today), Err(Refused::NoSuch("relationship")));
    }
}
