//! Workflows are read, checked and stored (D6).

use chrono::{DateTime, Utc};
use domain::violation::Violation;
use http_edge::api::administration::ContextField;
use http_edge::api::workflows::{SubjectContext, WorkflowContext, WorkflowsRequest, WorkflowsView};
use http_edge::{Problem, Request, Response, Scope};
use party::Word;
use party::types::PartyTypes;
use store::workflow::{self as stored, SetVersion};
use store::{Site, party_types};
use workflow::{Action, CONDITION_COST_MAX, Subject, Workflow, Workflows};

use crate::{App, CHANGE_ROUNDS, check, contended};

impl App {
    /// `GET /v1/workflows`.
    pub(crate) async fn get_workflows(&self, request: &Request) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::ProgrammesRead)?;
        let found = stored::read(&self.db, Site::WorkflowsRead, &caller.tenant).await?;
        Response::json(200, &view(found.map(|record| record.d)))
    }

    /// `PUT /v1/workflows`.
    pub(crate) async fn put_workflows(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::ProgrammesWrite)?;
        let body: WorkflowsRequest = request.json()?;
        let types = party_types::in_force(&self.db, Site::PartyTypesRead, &caller.tenant).await?;
        checked(body.workflows.clone(), &types)?;
        for _ in 0..CHANGE_ROUNDS {
            let before = stored::read(&self.db, Site::WorkflowsRead, &caller.tenant).await?;
            let before = before.map(|record| record.d);
            if before.as_ref().is_some_and(|before| before.workflows == body.workflows) {
                return Response::json(200, &view(before));
            }
            let seen = Some(body.expected_version).filter(|version| *version > 0);
            let version = SetVersion {
                version: check::next_version(before.as_ref().map(|before| before.version), seen)?,
                workflows: body.workflows.clone(),
                author: caller.subject.clone(),
                // Clocks of processes differ; the versions' times do not run backwards.
                since: before.map_or(now, |before| before.since.max(now)),
            };
            let (site, made) = (Site::WorkflowsWrite, caller.made(now));
            if stored::write(&self.db, site, &caller.tenant, version.clone(), made).await? {
                return Response::json(200, &view(Some(version)));
            }
        }
        Err(contended())
    }
}

/// The workflows, ready to be asked.
///
/// # Errors
/// Everything that is wrong with them, at once.
pub(crate) fn checked(workflows: Vec<Workflow>, types: &PartyTypes) -> Result<Workflows, Problem> {
    let mut found = unknown_classes(&workflows, types);
    match Workflows::compile(workflows) {
        Ok(ready) if found.is_empty() => Ok(ready),
        Ok(_) => Err(Problem::invalid(found)),
        Err(mut wrong) => {
            wrong.append(&mut found);
            Err(Problem::invalid(wrong))
        }
    }
}

/// Classifications that the tenant does not have.
fn unknown_classes(workflows: &[Workflow], types: &PartyTypes) -> Vec<Violation> {
    let actions = workflows.iter().enumerate().flat_map(|(index, workflow)| {
        let actions = workflow.then.iter().enumerate();
        actions.map(move |(number, action)| (format!("/workflows/{index}/then/{number}/classification"), action))
    });
    let unknown = actions.filter(|(_, action)| match action {
        // A text that is no word at all is found by the workflow's own check.
        Action::Classify { classification, .. } => {
            let class = classification.parse::<Word>();
            class.is_ok_and(|class| types.classification(&class).is_none())
        }
        Action::OpenTask { .. } | Action::Publish { .. } => false,
    });
    let detail = "must be one of the classifications of GET /v1/party-types";
    unknown.map(|(at, _)| Violation::new(at, "unknown", detail)).collect()
}

fn view(version: Option<SetVersion>) -> WorkflowsView {
    match version {
        Some(version) => WorkflowsView {
            version: version.version,
            since: Some(version.since),
            workflows: version.workflows,
        },
        None => WorkflowsView {
            version: 0,
            since: None,
            workflows: Vec::new(),
        },
    }
}

/// `GET /v1/workflows/context`.
pub(crate) fn context(request: &Request) -> Result<Response, Problem> {
    request.caller()?.require(Scope::ProgrammesRead)?;
    let field = |field: &conditions::Field| ContextField {
        name: field.name.to_owned(),
        kind: field.kind.to_string(),
        description: field.doc.to_owned(),
    };
    let subjects = Subject::ALL.into_iter().map(|on| SubjectContext {
        on,
        fields: on.schema().fields().iter().map(field).collect(),
    });
    let answer = WorkflowContext {
        subjects: subjects.collect(),
        cost_max: CONDITION_COST_MAX,
        source_max: conditions::SOURCE_MAX,
    };
    Response::json(200, &answer)
}
