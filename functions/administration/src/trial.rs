//! Workflows are tried on what happened. Nothing is written.

use std::collections::BTreeMap;

use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};
use chrono_tz::Tz;
use conditions::{Fact, Facts};
use domain::id::{PartyId, Tenant};
use http_edge::api::workflows::{
    FactValue, TriedAction, TriedEvent, TriedWorkflow, WorkflowTrialAnswer, WorkflowTrialRequest,
};
use http_edge::{Code, Findings, Problem, Request, Response, Scope};
use store::workflow::{self as stored, Occurred};
use store::{Site, party, party_types};
use workflow::{Event, Outcome, Workflows};

use crate::{App, workflows};

/// Changes of a trial.
const EVENTS_MAX: i32 = 200;
/// Days of a trial.
const DAYS_MAX: i64 = 92;

impl App {
    /// `POST /v1/workflows/trial`.
    pub(crate) async fn try_workflows(&self, request: &Request) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::ProgrammesWrite)?;
        // The answer tells what happened with a party.
        caller.require(Scope::PartiesRead)?;
        let body: WorkflowTrialRequest = request.json()?;
        let mut found = Findings::default();
        let party = found.field::<PartyId>("/party_id", &body.party_id);
        let days = days(body.from, body.until, &mut found);
        found.none()?;
        let (Some(party), Some(days)) = (party, days) else {
            return Err(Problem::new(
                Code::Internal,
                "the body was neither understood nor refused",
            ));
        };
        let tenant = &caller.tenant;
        let types = party_types::in_force(&self.db, Site::PartyTypesRead, tenant).await?;
        let (version, workflows) = match body.workflows {
            Some(given) => (None, workflows::checked(given, &types)?),
            None => self.in_force(tenant).await?,
        };
        if party::read(&self.db, Site::WorkflowsTrial, tenant, &party)
            .await?
            .is_none()
        {
            let detail = "party_id: there is no party with this id";
            return Err(Problem::new(Code::PartyUnknown, detail));
        }
        let read = stored::window(&self.db, Site::WorkflowsTrial, (tenant, &party), days, EVENTS_MAX);
        let (occurred, all) = read.await?;
        let answer = WorkflowTrialAnswer {
            version,
            events: occurred
                .iter()
                .map(|one| tried(one, &workflows, types.time_zone))
                .collect(),
            truncated: !all,
        };
        Response::json(200, &answer)
    }
}

impl App {
    /// The workflows in force, also those whose classification the tenant does not have any more.
    async fn in_force(&self, tenant: &Tenant) -> Result<(Option<u64>, Workflows), Problem> {
        let current = stored::read(&self.db, Site::WorkflowsRead, tenant).await?;
        let (version, stored) = current.map_or((0, Vec::new()), |record| (record.d.version, record.d.workflows));
        let workflows = Workflows::compile(stored).map_err(Problem::invalid)?;
        Ok((Some(version), workflows))
    }
}

/// From the beginning of the first day to the end of the last.
fn days(from: NaiveDate, until: NaiveDate, found: &mut Findings) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    let days = until.signed_duration_since(from).num_days();
    if !(0..DAYS_MAX).contains(&days) {
        found.add("/until", "out_of_range", "must be the first day or up to 91 days later");
        return None;
    }
    let begins = |day: NaiveDate| day.and_time(NaiveTime::MIN).and_utc();
    Some((
        begins(from),
        begins(until.checked_add_days(Days::new(1)).unwrap_or(until)),
    ))
}

/// What the workflows say to a change.
fn tried(occurred: &Occurred, workflows: &Workflows, zone: Tz) -> TriedEvent {
    let event = occurred.event(zone);
    let not_asked = match (&event, occurred.by_workflow) {
        (_, true) => Some("by_workflow"),
        (None, false) => Some("not_kept"),
        (Some(_), false) => None,
    };
    let asked = event.as_ref().filter(|_| not_asked.is_none());
    TriedEvent {
        on: occurred.subject,
        id: occurred.id.clone(),
        version: occurred.version,
        at: occurred.at,
        not_asked: not_asked.map(str::to_owned),
        facts: event.as_ref().map(facts).unwrap_or_default(),
        outcomes: asked
            .map(|event| outcomes(occurred, event, workflows))
            .unwrap_or_default(),
    }
}

fn outcomes(occurred: &Occurred, event: &Event, workflows: &Workflows) -> Vec<TriedWorkflow> {
    let name = occurred.name();
    let tried = workflows.asked(event).into_iter().map(|(workflow, outcome)| {
        let actions = workflow.then.iter().enumerate().map(|(index, action)| TriedAction {
            effect: workflow.effect_id(&name, index),
            action: action.clone(),
        });
        TriedWorkflow {
            workflow: workflow.id.clone(),
            outcome,
            actions: actions.filter(|_| outcome == Outcome::Acts).collect(),
        }
    });
    tried.collect()
}

fn facts(event: &Event) -> BTreeMap<String, FactValue> {
    let schema = event.subject().schema();
    let fields = schema.fields().iter().enumerate();
    let known = fields.filter_map(|(place, field)| {
        let value = match event.fact(place) {
            Fact::Unset | Fact::Ints(_) => return None,
            Fact::Bool(value) => FactValue::Boolean(value),
            Fact::Int(value) => FactValue::Integer(value),
            Fact::Text(value) => FactValue::Text(value.to_owned()),
            Fact::Texts(values) => FactValue::Texts(values.iter().map(str::to_owned).collect()),
        };
        Some((field.name.to_owned(), value))
    });
    known.collect()
}
