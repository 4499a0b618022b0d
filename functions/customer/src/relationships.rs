//! Relationships between parties, seen from both sides (B6).

use chrono::{DateTime, NaiveDate, Utc};
use domain::id::PartyId;
use http_edge::api::parties::{RelationshipEnd, RelationshipInput, RelationshipView, RelationshipsAnswer};
use http_edge::{Code, Problem, Request, Response, Scope, page};
use party::Word;
use party::clean::{self, Found};
use party::types::RelationshipType;
use store::relationship::{self, Relationship, Written};
use store::{Record, Site};

use crate::App;
use crate::party_change::{Call, Match, understood};

/// Rounds against others who change the same relationship.
const ROUNDS_MAX: usize = 5;
/// Longest department, in characters.
const DEPARTMENT_MAX: usize = 60;

/// Who is related to whom, and as what.
struct Related {
    kind: Word,
    role: Word,
    other_role: Word,
    other: PartyId,
    shares_points: bool,
}

impl App {
    /// `POST /v1/parties/{party_id}/relationships`.
    pub(crate) async fn relate(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let call = self.begin(request, Match::Optional, now).await?;
        let body: RelationshipInput = request.json()?;
        let mut found = Found::default();
        let related = related(
            &call,
            (&body.relationship, body.role.as_deref(), &body.other),
            &mut found,
        );
        let since = day("/since", body.since.as_deref(), &mut found);
        let until = day("/until", body.until.as_deref(), &mut found);
        let department = match &body.department {
            None => None,
            Some(text) => clean::line("/department", text.as_str(), DEPARTMENT_MAX, &mut found),
        };
        let since = since.unwrap_or(call.rules.when.today);
        if until.is_some_and(|until| until < since) {
            found.add("/until", "date_out_of_range", "the last day is before the first");
        }
        let related = understood(related, found)?;
        let wanted = Relationship {
            version: 0,
            kind: related.kind.clone(),
            role: related.role.clone(),
            other: related.other.clone(),
            other_role: related.other_role.clone(),
            since,
            until,
            ended: false,
            department,
            shares_points: related.shares_points,
        };
        for _ in 0..ROUNDS_MAX {
            let before = self
                .newest(&call, &related)
                .await?
                .filter(|known| known.d.stands(call.rules.when.today));
            let wanted = match &before {
                // The one that stands keeps its first day.
                Some(before) => Relationship {
                    since: before.d.since,
                    ..wanted.clone()
                },
                None => wanted.clone(),
            };
            if let Some(stored) = self.put(&call, before.as_ref(), wanted, now).await? {
                return Response::json(200, &view(stored));
            }
        }
        Err(contended())
    }

    /// `POST /v1/parties/{party_id}/relationships/end`.
    pub(crate) async fn end_relationship(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let call = self.begin(request, Match::Optional, now).await?;
        let body: RelationshipEnd = request.json()?;
        let mut found = Found::default();
        let related = related(
            &call,
            (&body.relationship, body.role.as_deref(), &body.other),
            &mut found,
        );
        let last = day("/last_day", body.last_day.as_deref(), &mut found);
        let related = understood(related, found)?;
        let today = call.rules.when.today;
        for _ in 0..ROUNDS_MAX {
            let Some(before) = self.newest(&call, &related).await? else {
                return Err(Problem::new(Code::NotFound, "there is no such relationship"));
            };
            // The call came before: what is history stays as it is.
            if !before.d.stands(today) {
                return Response::json(200, &view(before.d));
            }
            let first = before.d.since;
            if last.is_some_and(|last| last < first) {
                let mut found = Found::default();
                found.add("/last_day", "date_out_of_range", "the last day is before the first");
                crate::party_change::clean(found)?;
            }
            let mut ended = before.d.clone();
            ended.until = Some(last.unwrap_or(today).max(first));
            ended.ended = last.is_none_or(|last| last < today);
            if let Some(stored) = self.put(&call, Some(&before), ended, now).await? {
                return Response::json(200, &view(stored));
            }
        }
        Err(contended())
    }

    /// `GET /v1/parties/{party_id}/relationships`.
    pub(crate) async fn list_relationships(&self, request: &Request) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::PartiesRead)?;
        let party: PartyId = request.path("party_id")?;
        let limit = request.limit()?;
        let after = crate::party_history::after(request, "REL#")?;
        let site = Site::Relationships;
        let (found, next) = relationship::list(&self.db, site, &caller.tenant, &party, after, limit).await?;
        if found.is_empty() {
            let known = store::party::read(&self.db, Site::PartyRead, &caller.tenant, &party).await?;
            known.ok_or_else(crate::parties::no_such_party)?;
        }
        let answer = RelationshipsAnswer {
            relationships: found.into_iter().map(|record| view(record.d)).collect(),
            next: next.map(|sk| page::token(&sk)),
        };
        Response::json(200, &answer)
    }

    async fn newest(&self, call: &Call<'_>, related: &Related) -> Result<Option<Record<Relationship>>, Problem> {
        let named = (&related.kind, &related.role, &related.other);
        let (site, tenant, when) = (Site::Relationships, &call.caller.tenant, call.rules.when);
        Ok(relationship::newest(&self.db, site, tenant, &call.party, named, when).await?)
    }

    /// Stores it unless it is so already; `None` when another writer came first.
    async fn put(
        &self,
        call: &Call<'_>,
        before: Option<&Record<Relationship>>,
        wanted: Relationship,
        now: DateTime<Utc>,
    ) -> Result<Option<Relationship>, Problem> {
        let version = before.map_or(0, |before| before.d.version);
        let stored = Relationship {
            version,
            ..wanted.clone()
        };
        if before.is_some_and(|before| before.d == stored) {
            return Ok(Some(stored));
        }
        let (site, tenant, made) = (Site::Relate, &call.caller.tenant, call.caller.made(now));
        match relationship::write(&self.db, site, tenant, &call.party, before, wanted, &made).await? {
            Written::Done => Ok(Some(Relationship {
                version: version.saturating_add(1),
                ..stored
            })),
            Written::NoParty => Err(Problem::new(
                Code::PartyUnknown,
                "one of the two parties does not exist",
            )),
            // An ended one with the same first day stands there for ever: a new one begins on another day.
            Written::Stale => Ok(None),
        }
    }
}

fn related(call: &Call<'_>, (kind, role, other): (&str, Option<&str>, &str), found: &mut Found) -> Option<Related> {
    let other: Option<PartyId> = found.field("/other", other);
    if other.as_ref() == Some(&call.party) {
        found.add("/other", "not_applicable", "a party is not related to itself");
    }
    let mut types = call.rules.types.relationship_types.iter();
    let Some(known) = types.find(|known| known.code.as_str() == kind) else {
        found.add(
            "/relationship",
            "type_unknown",
            "must be one of the types of GET /v1/party-types",
        );
        return None;
    };
    let (role, other_role) = roles(known, role, found)?;
    Some(Related {
        kind: known.code.clone(),
        role,
        other_role,
        other: other?,
        shares_points: known.shares_points,
    })
}

/// What the party of the path and the other one are.
fn roles(known: &RelationshipType, role: Option<&str>, found: &mut Found) -> Option<(Word, Word)> {
    let (from, to) = (known.from_role.clone(), known.to_role.clone());
    match role {
        None => Some((from, to)),
        Some(role) if role == from.as_str() => Some((from, to)),
        Some(role) if role == to.as_str() => Some((to, from)),
        Some(_) => {
            found.add("/role", "malformed", format!("must be {from} or {to}"));
            None
        }
    }
}

fn day(pointer: &str, text: Option<&str>, found: &mut Found) -> Option<NaiveDate> {
    text.and_then(|text| clean::date(pointer, text, found))
}

fn contended() -> Problem {
    let detail =
        "others keep changing the relationship, or one that ended began on the same day: choose another first day";
    Problem::new(Code::ConcurrentChange, detail)
}

fn view(seen: Relationship) -> RelationshipView {
    RelationshipView {
        relationship: seen.kind.into(),
        role: seen.role.into(),
        other: seen.other.into(),
        other_role: seen.other_role.into(),
        since: seen.since,
        until: seen.until,
        ended: seen.ended,
        department: seen.department,
        version: seen.version,
    }
}
