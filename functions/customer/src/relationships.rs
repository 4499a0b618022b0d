//! Relationships between parties, seen from both sides (B6).

use chrono::NaiveDate;
use chrono::{DateTime, Utc};
use domain::id::PartyId;
use http_edge::api::parties::{RelationshipEnd, RelationshipInput, RelationshipView, RelationshipsAnswer};
use http_edge::{Code, Problem, Request, Response, Scope, page};
use party::change::Refused;
use party::clean::{self, Found};
use party::related::{self, Plan, Relationship, Shares};
use party::types::RelationshipType;
use party::{Personal, Word};
use store::Site;
use store::party::{Lookups, Step};
use store::relationship::{self, Changed, Sites};

use crate::App;
use crate::parties::no_such_party;
use crate::party_change::{Call, Match, Refusal, contended, etag, other_version, understood};

/// Longest department, in characters.
const DEPARTMENT_MAX: usize = 60;

impl App {
    /// `POST /v1/parties/{party_id}/relationships`.
    pub(crate) async fn relate(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let call = self.begin(request, Match::Optional, now).await?;
        let body: RelationshipInput = request.json()?;
        let mut found = Found::default();
        let wanted = wanted(&call, &body, &mut found);
        let wanted = understood(wanted, found)?;
        let (since_given, today) = (body.since.is_some(), call.rules.when.today);
        let named = (&wanted.kind, &wanted.role, &wanted.other);
        self.change_related(&call, named, |known| {
            related::relate(known, wanted.clone(), since_given, call.sight, today)
        })
        .await
    }

    /// `POST /v1/parties/{party_id}/relationships/end`.
    pub(crate) async fn end_relationship(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let call = self.begin(request, Match::Optional, now).await?;
        let body: RelationshipEnd = request.json()?;
        let mut found = Found::default();
        let named = ended(&call, &body, &mut found);
        let last = day("/last_day", body.last_day.as_deref(), &mut found);
        let (kind, role, other) = understood(named, found)?;
        let today = call.rules.when.today;
        self.change_related(&call, (&kind, &role, &other), |known| {
            related::end(known, last, call.sight, today)
        })
        .await
    }

    async fn change_related(
        &self,
        call: &Call<'_>,
        named: (&Word, &Word, &PartyId),
        decide: impl Fn(&[Relationship]) -> Result<Plan, Refused>,
    ) -> Result<Response, Problem> {
        let step = Step {
            tenant: &call.caller.tenant,
            party: &call.party,
            expected: call.expected,
            lookups: Lookups::default(),
            when: call.rules.when,
            made: call.caller.made(call.rules.when.now),
        };
        let sites = Sites {
            party: Site::PartyRead,
            read: Site::Relationships,
            write: Site::Relate,
        };
        match Box::pin(relationship::change(&self.db, sites, &step, named, decide)).await? {
            Changed::Done(relationship, version) => {
                Ok(Response::json(200, &view(relationship))?.header("etag", etag(version)))
            }
            Changed::Missing => Err(no_such_party()),
            Changed::NoOther => Err(Problem::new(
                Code::PartyUnknown,
                "/other: there is no party with this id",
            )),
            Changed::Version(current) => Err(other_version(current)),
            Changed::Refused(refused) => Err(Refusal::from(refused).0),
            Changed::Contended => Err(contended()),
        }
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
            known.ok_or_else(no_such_party)?;
        }
        let answer = RelationshipsAnswer {
            relationships: found.into_iter().map(|record| view(record.d)).collect(),
            next: next.map(|sk| page::token(&sk)),
        };
        Response::json(200, &answer)
    }
}

fn wanted(call: &Call<'_>, body: &RelationshipInput, found: &mut Found) -> Option<Relationship> {
    let other = other(call, &body.other, found);
    let known = known_type(call, &body.relationship);
    if known.is_none() {
        let detail = "must be one of the types of GET /v1/party-types";
        found.add("/relationship", "type_unknown", detail);
    }
    let roles = known.and_then(|known| roles(known, body.role.as_deref(), found));
    let since = day("/since", body.since.as_deref(), found);
    let until = day("/until", body.until.as_deref(), found);
    let department: Option<Personal> = match &body.department {
        None => None,
        Some(text) => clean::line("/department", text.as_str(), DEPARTMENT_MAX, found),
    };
    let since = since.unwrap_or(call.rules.when.today);
    if until.is_some_and(|until| until < since) {
        found.add("/until", "date_out_of_range", "the last day is before the first");
    }
    let owner = known.map(|known| owner(known, body.points_owner.as_deref(), found));
    let (known, (role, other_role)) = (known?, roles?);
    Some(Relationship {
        number: 0,
        kind: known.code.clone(),
        role,
        other: other?,
        other_role,
        since,
        until,
        ended: false,
        department,
        shares: known.shares_points.then(|| Shares {
            group: known.from_role.clone(),
        }),
        points_owner: owner?,
    })
}

/// Which relationship ends. Its type may be gone from the types or have other roles now: what stands can be ended all the same.
fn ended(call: &Call<'_>, body: &RelationshipEnd, found: &mut Found) -> Option<(Word, Word, PartyId)> {
    let other = other(call, &body.other, found);
    let kind: Option<Word> = found.field("/relationship", &body.relationship);
    let role = match (body.role.as_deref(), known_type(call, &body.relationship)) {
        (Some(role), _) => found.field("/role", role),
        (None, Some(known)) => Some(known.from_role.clone()),
        (None, None) => {
            let detail = "the type is not among the relationship types: say what the party is in the relationship";
            found.add("/role", "missing", detail);
            None
        }
    };
    Some((kind?, role?, other?))
}

fn other(call: &Call<'_>, id: &str, found: &mut Found) -> Option<PartyId> {
    let other: PartyId = found.field("/other", id)?;
    if other == call.party {
        found.add("/other", "not_applicable", "a party is not related to itself");
        return None;
    }
    Some(other)
}

fn known_type<'a>(call: &'a Call<'_>, kind: &str) -> Option<&'a RelationshipType> {
    let mut types = call.rules.types.relationship_types.iter();
    types.find(|known| known.code.as_str() == kind)
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

/// The role that owns the points, where it is not the first one.
fn owner(known: &RelationshipType, wanted: Option<&str>, found: &mut Found) -> Option<Word> {
    let (from, to) = (&known.from_role, &known.to_role);
    let owner = match wanted {
        None => known.points_owner.as_ref(),
        Some(role) if role == from.as_str() => Some(from),
        Some(role) if role == to.as_str() => Some(to),
        Some(_) => {
            found.add("/points_owner", "malformed", format!("must be {from} or {to}"));
            None
        }
    };
    owner.filter(|owner| *owner != from).cloned()
}

fn day(pointer: &str, text: Option<&str>, found: &mut Found) -> Option<NaiveDate> {
    text.and_then(|text| clean::date(pointer, text, found))
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
        points_owner: seen.points_owner.map(String::from),
    }
}
