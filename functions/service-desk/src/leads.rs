//! Leads (C1): somebody comes in, is compared with who is known, and becomes a customer or turns out to be a known party.
//!
//! The document of the lead is where the decision is made, under its version; the relationship with a known party follows from
//! it, and a repeated call makes it when the first could not.

use chrono::{DateTime, NaiveDate, Utc};
use domain::code;
use domain::id::{LookupKey, PartyId, QueueId, Tenant};
use domain::secret::Secret;
use http_edge::api::leads::{ConvertRequest, LeadCandidates, LeadRequest, LeadView};
use http_edge::intake::{Intake, Rules, Sites, new_party_id};
use http_edge::{Caller, Code, Findings, Problem, Request, Response, Scope};
use party::change::{Refused, Sight, When};
use party::lead::{self, Lead, Standing};
use party::types::{CUSTOMER, LEAD};
use party::{PartyDocument, Word, related};
use serde_json::json;
use store::desk::{self, Committed, Step, Task, TaskStatus};
use store::party::{self as stored_party, Changed, Lookups};
use store::relationship::{self, Relationship};
use store::{Record, Site};

use crate::candidates::Candidates;
use crate::{App, answer, contended};

/// Parties that a call can name as somebody else.
const NAMED_MAX: usize = 100;

/// What is decided about a lead.
enum Decision {
    /// It is a customer, and none of these parties.
    Customer(Vec<PartyId>),
    /// It is this party.
    Into(PartyId),
}

/// What a call says of a lead beside the party.
struct Origin {
    source: Word,
    queue: Option<QueueId>,
}

impl App {
    /// `POST /v1/leads`.
    pub(crate) async fn create_lead(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::PartiesWrite)?;
        let body: LeadRequest = request.json()?;
        if body.task_queue.is_some() {
            caller.require(Scope::DeskWrite)?;
        }
        let rules = self.lead_rules(&caller.tenant, now).await?;
        let mut found = Findings::default();
        let origin = origin(&body, &rules, &mut found);
        let intake = Intake {
            db: &self.db,
            pepper: self.pepper.bytes(),
            caller,
            rules: &rules,
            sites: Sites {
                read: Site::DeskParty,
                known: Site::LeadKnown,
                put: Site::LeadPut,
            },
        };
        let mut document = intake.read("/party", &body.party, new_party_id(now)?, found)?;
        let Some(origin) = origin else {
            return Err(Problem::new(
                Code::Internal,
                "the body was neither understood nor refused",
            ));
        };
        let begun = document.become_lead(&origin.source, &rules.company, rules.when);
        begun.map_err(|refused| refusal(&refused))?;
        let with = json!([origin.source, origin.queue]);
        let stored = intake.store(&body.party, document, Some(&with)).await?;
        let mut view = view(&stored.party.d, &rules)?;
        if let Some(queue) = origin.queue {
            let task = self
                .task_of_lead(caller, &stored.party.d.party, queue, &origin.source, now)
                .await?;
            view.task_id = Some(task.to_string());
        }
        answer(if stored.new { 201 } else { 200 }, &view, !stored.new)
    }

    async fn lead_rules(&self, tenant: &Tenant, now: DateTime<Utc>) -> Result<Rules, Problem> {
        Rules::of(&self.db, Site::LeadTypes, tenant, now).await
    }

    /// Makes the task to look at a lead, once: its id follows from the party.
    async fn task_of_lead(
        &self,
        caller: &Caller,
        party: &PartyId,
        queue: QueueId,
        source: &Word,
        now: DateTime<Utc>,
    ) -> Result<LookupKey, Problem> {
        let text = format!("{} {party}", caller.tenant);
        let id = code::lookup_key(self.pepper.bytes(), "desk-lead-task/1", text.as_bytes());
        if desk::task(&self.db, &caller.tenant, &id).await?.is_some() {
            return Ok(id);
        }
        let first = Step {
            version: 1,
            what: "create".to_owned(),
            by: caller.subject.clone(),
            at: now,
        };
        let task = Task {
            version: 1,
            content: self.content(&json!([party, queue])),
            title: Secret::new(format!("Lead: {source}")),
            text: None,
            queue,
            due: None,
            party: Some(party.clone()),
            case: None,
            assignee: None,
            status: TaskStatus::Open,
            made_at: now,
            steps: vec![first],
        };
        let made = caller.made(now);
        // Whoever else made it meanwhile made the same.
        let (Committed::Done | Committed::Stale) =
            desk::put_task(&self.db, &caller.tenant, &id, (None, &task), None, &made).await?;
        Ok(id)
    }

    /// `GET /v1/leads/{party_id}/candidates`.
    pub(crate) async fn show_candidates(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::PartiesRead)?;
        let party: PartyId = request.path("party_id")?;
        let rules = self.lead_rules(&caller.tenant, now).await?;
        let known = self.known_lead(&caller.tenant, &party).await?;
        let lead = view(&known.d, &rules)?;
        let Candidates { found, truncated } = self.candidates(&caller.tenant, &known.d, now).await?;
        let shown = LeadCandidates {
            lead,
            candidates: found.iter().map(|candidate| candidate.view(now)).collect(),
            truncated,
        };
        answer(200, &shown, false)
    }

    async fn known_lead(&self, tenant: &Tenant, party: &PartyId) -> Result<Record<PartyDocument>, Problem> {
        let found = stored_party::read(&self.db, Site::DeskParty, tenant, party).await?;
        found.ok_or_else(no_such_lead)
    }

    /// `POST /v1/leads/{party_id}/convert`.
    pub(crate) async fn convert_lead(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::PartiesWrite)?;
        let party: PartyId = request.path("party_id")?;
        let decision = decision(&request.json()?, &party)?;
        let rules = self.lead_rules(&caller.tenant, now).await?;
        let known = self.known_lead(&caller.tenant, &party).await?;
        let standing = known.d.lead(&rules.company, rules.when.today).map(|lead| lead.standing);
        let standing = standing.ok_or_else(no_such_lead)?;
        let (mut decided, replayed) = match (standing, &decision) {
            (Standing::Open, Decision::Customer(others)) => {
                self.insist_on_nobody_else(&caller.tenant, &known.d, others, now)
                    .await?;
                (self.decide(caller, &party, &decision, &rules).await?, false)
            }
            (Standing::Open, Decision::Into(other)) => {
                self.insist_on_target(&caller.tenant, other, &rules).await?;
                (self.decide(caller, &party, &decision, &rules).await?, false)
            }
            (Standing::Customer, Decision::Customer(_)) => (known.d, true),
            (Standing::Into(into, _), Decision::Into(other)) if into == *other => (known.d, true),
            (standing, _) => return Err(decided_before(&standing)),
        };
        // After a crash between the two, a repeated call comes by here.
        let lead = decided.lead(&rules.company, rules.when.today);
        if let Some(Standing::Into(other, since)) = lead.map(|lead| lead.standing) {
            // The relationship is a change of both its parties.
            if let Some(version) = self.relate(caller, (&party, other), since, rules.when).await? {
                decided.version = version;
            }
        }
        answer(200, &view(&decided, &rules)?, replayed)
    }

    /// Insists that the caller has decided about each candidate.
    async fn insist_on_nobody_else(
        &self,
        tenant: &Tenant,
        lead: &PartyDocument,
        others: &[PartyId],
        now: DateTime<Utc>,
    ) -> Result<(), Problem> {
        let Candidates { mut found, truncated } = self.candidates(tenant, lead, now).await?;
        found.retain(|candidate| !others.contains(&candidate.party.party));
        if found.is_empty() {
            return Ok(());
        }
        // Ids only: a problem names nobody.
        let left = found
            .iter()
            .map(|one| json!({"party_id": one.party.party, "shares": one.shares}));
        let detail = format!("{} parties may be the same", found.len());
        Err(Problem::new(Code::LeadCandidates, detail)
            .with("candidates", left.collect())
            .with("truncated", json!(truncated)))
    }

    /// Insists that the party into which a lead is converted exists, and was not converted itself.
    async fn insist_on_target(&self, tenant: &Tenant, other: &PartyId, rules: &Rules) -> Result<(), Problem> {
        let found = stored_party::read(&self.db, Site::DeskParty, tenant, other).await?;
        let found = found.ok_or_else(no_target)?;
        let lead = found.d.lead(&rules.company, rules.when.today);
        match lead.map(|lead| lead.standing) {
            Some(Standing::Into(into, _)) => {
                let detail = "into: that lead was converted itself, into the party in the answer";
                Err(Problem::new(Code::LeadState, detail).with("converted_into", json!(into)))
            }
            _ => Ok(()),
        }
    }

    /// Writes the decision into the document of the lead.
    async fn decide(
        &self,
        caller: &Caller,
        party: &PartyId,
        decision: &Decision,
        rules: &Rules,
    ) -> Result<PartyDocument, Problem> {
        let step = stored_party::Step {
            tenant: &caller.tenant,
            party,
            expected: None,
            lookups: Lookups::default(),
            when: rules.when,
            made: caller.made(rules.when.now),
        };
        let apply = |document: &mut PartyDocument| match decision {
            Decision::Customer(_) => document.lead_is_customer(&rules.company, rules.when),
            Decision::Into(other) => document.lead_is(other, &rules.company, rules.when),
        };
        let sites = (Site::DeskParty, Site::LeadChange);
        match stored_party::change(&self.db, sites, &step, apply).await? {
            Changed::Done(record, ()) => Ok(record.d),
            Changed::Missing => Err(no_such_lead()),
            // Somebody decided meanwhile; it may have been this very call.
            Changed::Refused(Refused::NoSuch(_)) | Changed::Contended => Err(contended()),
            Changed::Refused(refused) => Err(refusal(&refused)),
            Changed::Version(_) | Changed::IdTaken(_) => Err(Problem::new(
                Code::Internal,
                "a version or an id was in the way that nobody asked for",
            )),
        }
    }

    /// Relates a lead with the party it was converted into, once: the decision says since when. The version of the lead after it;
    /// `None` where somebody has ended it since.
    async fn relate(
        &self,
        caller: &Caller,
        (party, other): (&PartyId, PartyId),
        since: NaiveDate,
        when: When,
    ) -> Result<Option<u64>, Problem> {
        let (kind, role, other_role) = lead::conversion();
        let wanted = Relationship {
            number: 0,
            kind: kind.clone(),
            role: role.clone(),
            other: other.clone(),
            other_role,
            since,
            until: None,
            ended: false,
            department: None,
            shares: None,
            points_owner: None,
        };
        let step = stored_party::Step {
            tenant: &caller.tenant,
            party,
            expected: None,
            lookups: Lookups::default(),
            when,
            made: caller.made(when.now),
        };
        let sites = relationship::Sites {
            party: Site::DeskParty,
            read: Site::LeadRelate,
            write: Site::LeadRelate,
        };
        let decide = |known: &[Relationship]| related::relate(known, wanted.clone(), true, Sight::Unseen, when.today);
        let done = relationship::change(&self.db, sites, &step, (&kind, &role, &other), decide);
        match Box::pin(done).await? {
            relationship::Changed::Done(_, version) => Ok(Some(version)),
            // Somebody ended it since: it is not made again.
            relationship::Changed::Refused(Refused::Unseen(_)) => Ok(None),
            relationship::Changed::Missing => Err(no_such_lead()),
            relationship::Changed::NoOther => Err(no_target()),
            relationship::Changed::Refused(refused) => Err(refusal(&refused)),
            relationship::Changed::Version(_) | relationship::Changed::Contended => Err(contended()),
        }
    }
}

fn origin(body: &LeadRequest, rules: &Rules, found: &mut Findings) -> Option<Origin> {
    let source = found.field("/source", &body.source);
    let queue = body.task_queue.as_deref();
    let queue = queue.map(|queue| found.field("/task_queue", queue));
    if queue.is_some() && body.party.external_id.is_none() && body.party.client_token.is_none() {
        let detail = "with a task, the call must be repeatable: send a token, or an external id";
        found.add("/party/client_token", "missing", detail);
    }
    if !rules.types.role_types.iter().any(|role| role.code.as_str() == LEAD) {
        let detail = "your role types have no lead: add it by PUT /v1/party-types";
        found.add("", "type_unknown", detail);
    }
    for (index, role) in body.party.roles.iter().enumerate() {
        if matches!(role.role.as_str(), LEAD | CUSTOMER) {
            let detail = "the role lead comes by itself, and customer by the conversion";
            found.add(format!("/party/roles/{index}/role"), "not_applicable", detail);
        }
    }
    Some(Origin {
        source: source?,
        queue: match queue {
            None => None,
            Some(queue) => Some(queue?),
        },
    })
}

fn decision(body: &ConvertRequest, lead: &PartyId) -> Result<Decision, Problem> {
    let mut found = Findings::default();
    if body.not_the_same_as.len() > NAMED_MAX {
        found.add("/not_the_same_as", "out_of_range", "at most 100 parties");
        return Err(found.problem());
    }
    let named = body.not_the_same_as.iter().enumerate();
    let named: Vec<Option<PartyId>> = named
        .map(|(index, id)| found.field(format!("/not_the_same_as/{index}"), id))
        .collect();
    let decision = match (body.becomes.as_deref(), body.into.as_deref()) {
        (Some("customer"), None) => Some(Decision::Customer(named.into_iter().flatten().collect())),
        (Some(_), None) => {
            found.add("/as", "malformed", "must be customer");
            None
        }
        (None, Some(other)) => {
            let other: Option<PartyId> = found.field("/into", other);
            if other.as_ref() == Some(lead) {
                found.add("/into", "not_applicable", "a lead is not converted into itself");
            }
            other.map(Decision::Into)
        }
        (None, None) | (Some(_), Some(_)) => {
            found.add("", "malformed", "say one of as and into");
            None
        }
    };
    found.none()?;
    decision.ok_or_else(|| Problem::new(Code::Internal, "the body was neither understood nor refused"))
}

fn view(document: &PartyDocument, rules: &Rules) -> Result<LeadView, Problem> {
    let lead = document.lead(&rules.company, rules.when.today);
    let Lead {
        source,
        since,
        standing,
    } = lead.ok_or_else(no_such_lead)?;
    let (status, into) = match standing {
        Standing::Open => ("open", None),
        Standing::Customer => ("customer", None),
        Standing::Into(into, _) => ("converted", Some(into)),
        Standing::Closed => ("closed", None),
    };
    Ok(LeadView {
        party_id: document.party.to_string(),
        version: document.version,
        source,
        since,
        status: status.to_owned(),
        converted_into: into.map(|into| into.to_string()),
        task_id: None,
    })
}

fn decided_before(standing: &Standing) -> Problem {
    match standing {
        Standing::Into(into, _) => {
            let detail = "it was converted into the party in the answer";
            Problem::new(Code::LeadState, detail).with("converted_into", json!(into))
        }
        Standing::Customer => Problem::new(Code::LeadState, "it is a customer of its own"),
        Standing::Open | Standing::Closed => Problem::new(Code::LeadState, "its role lead was ended"),
    }
}

fn refusal(refused: &Refused) -> Problem {
    let mut found = Findings::default();
    found.add("", party::read::code(*refused), refused.to_string());
    found.problem()
}

fn no_such_lead() -> Problem {
    Problem::new(Code::NotFound, "there is no lead with this id")
}

fn no_target() -> Problem {
    Problem::new(Code::PartyUnknown, "into: there is no party with this id")
}
