//! What every change of a party has in common: who asks, for which version, under which types, and what is answered.

use chrono::{DateTime, Utc};
use domain::id::PartyId;
use http_edge::intake::{self, Rules};
use http_edge::{Caller, Code, Findings, Problem, Request, Response, Scope};
use party::change::{Refused, Sight};
use party::clean::Found;
use party::{PartyDocument, read};
use serde_json::json;
use store::party::{Changed, Lookups, Step};
use store::{Record, Site};

use crate::parties::no_such_party;
use crate::{App, party_view};

/// A call that changes a party.
pub(crate) struct Call<'a> {
    pub(crate) caller: &'a Caller,
    pub(crate) party: PartyId,
    /// The version that the caller has seen.
    pub(crate) expected: Option<u64>,
    /// Whether it has seen what it changes.
    pub(crate) sight: Sight,
    pub(crate) rules: Rules,
}

/// Whether a call must say which version it has seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Match {
    /// It replaces what is there.
    Needed,
    /// It adds or ends an entry; the party says where it must have seen what stands.
    Optional,
}

impl App {
    /// The rules of the caller's tenant at `now`.
    pub(crate) async fn rules(&self, caller: &Caller, now: DateTime<Utc>) -> Result<Rules, Problem> {
        Rules::of(&self.db, Site::PartyTypes, &caller.tenant, now).await
    }

    /// Reads who asks for a change of which party.
    pub(crate) async fn begin<'a>(
        &self,
        request: &'a Request,
        wanted: Match,
        now: DateTime<Utc>,
    ) -> Result<Call<'a>, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::PartiesWrite)?;
        let party = request.path("party_id")?;
        if wanted == Match::Needed {
            request.needs_match()?;
        }
        let expected = request.expected_version()?;
        let sight = match request.needs_match() {
            Ok(()) => Sight::Seen,
            Err(_) => Sight::Unseen,
        };
        let rules = self.rules(caller, now).await?;
        Ok(Call {
            caller,
            party,
            expected,
            sight,
            rules,
        })
    }

    /// Changes the party; the answer is the party as it is then, with what the change says.
    pub(crate) async fn change<T>(
        &self,
        call: &Call<'_>,
        lookups: Lookups,
        apply: impl Fn(&mut PartyDocument) -> Result<T, Refusal>,
    ) -> Result<(Record<PartyDocument>, T), Problem> {
        let step = Step {
            tenant: &call.caller.tenant,
            party: &call.party,
            expected: call.expected,
            lookups,
            when: call.rules.when,
            made: call.caller.made(call.rules.when.now),
        };
        let sites = (Site::PartyRead, Site::PartyChange);
        match store::party::change(&self.db, sites, &step, apply).await? {
            Changed::Done(record, said) => Ok((*record, said)),
            Changed::Missing => Err(no_such_party()),
            Changed::Version(current) => Err(other_version(current)),
            Changed::Refused(refusal) => Err(refusal.0),
            Changed::IdTaken(other) => Err(intake::taken(&other)),
            Changed::Contended => Err(contended()),
        }
    }

    /// Whether the party towards which a role or relationship is exists. The own company does before it is stored.
    pub(crate) async fn must_exist(&self, caller: &Caller, company: &PartyId, id: &PartyId) -> Result<(), Problem> {
        intake::must_exist(&self.db, Site::PartyRead, &caller.tenant, company, id).await
    }
}

/// The problem of a party that was changed since the caller has read it.
pub(crate) fn other_version(current: u64) -> Problem {
    let detail = "the party was changed since you have read it";
    Problem::new(Code::VersionMismatch, detail).with("current_version", json!(current))
}

/// The problem of a party that others kept changing.
pub(crate) fn contended() -> Problem {
    Problem::new(
        Code::Unavailable,
        "others kept changing the party: repeat the same call",
    )
}

/// The problem with which a change of a document is refused.
pub(crate) struct Refusal(pub(crate) Problem);

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::NoSuch(_) => return Self(Problem::new(Code::NotFound, refused.to_string())),
            Refused::Unseen(_) | Refused::Undated => {
                return Self(Problem::new(Code::PreconditionNeeded, refused.to_string()));
            }
            _ => {}
        }
        let mut found = Findings::default();
        let pointer = match refused {
            Refused::NotConfirmed => "/state",
            _ => "",
        };
        found.add(pointer, read::code(refused), refused.to_string());
        Self(found.problem())
    }
}

/// Insists that nothing was found.
pub(crate) fn clean(found: Found) -> Result<(), Problem> {
    let violations = found.into_violations();
    if violations.is_empty() {
        Ok(())
    } else {
        Err(Problem::invalid(violations))
    }
}

/// What a body says, or everything that is wrong with it.
pub(crate) fn understood<T>(read: Option<T>, found: Found) -> Result<T, Problem> {
    clean(found)?;
    read.ok_or_else(|| Problem::new(Code::Internal, "the body was neither understood nor refused"))
}

/// The party with its version as `ETag`.
pub(crate) fn shown(status: u16, record: Record<PartyDocument>) -> Result<Response, Problem> {
    let version = record.d.version;
    Ok(Response::json(status, &party_view::answer(record))?.header("etag", etag(version)))
}

/// A version as an `ETag`.
pub(crate) fn etag(version: u64) -> String {
    format!("\"{version}\"")
}
