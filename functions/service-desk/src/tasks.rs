//! Tasks are made, listed, claimed, finished, reopened (C8).

use chrono::{DateTime, NaiveDate, Utc};
use domain::id::{LookupKey, QueueId, Subject, Tenant};
use http_edge::api::desk::{TaskClaimRequest, TaskPage, TaskRequest, VersionRequest};
use http_edge::{Caller, Code, Findings, Problem, Request, Response, Scope, page};
use store::Record;
use store::desk::history::Of;
use store::desk::{self, CASE_TASKS_MAX, Case, CaseStatus, Committed, List, Step, Task, TaskStatus};

use crate::{App, ROUNDS_MAX, answer, contended, contradiction, fields, outdated, pause, position, view};

/// What is done with a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Move {
    Claim,
    Finish,
    Reopen,
}

impl Move {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Claim => "claim",
            Self::Finish => "finish",
            Self::Reopen => "reopen",
        }
    }

    /// The task after the move.
    fn of(self, task: &Task, mover: &Mover<'_>, now: DateTime<Utc>) -> Result<Task, Problem> {
        let (by, who) = (mover.by, &mover.who);
        let others = task.assignee.as_ref().is_some_and(|assignee| assignee != who);
        let (status, assignee) = match (self, task.status) {
            (Self::Claim, TaskStatus::Claimed) if others => {
                return Err(state("somebody else works on it"));
            }
            (Self::Claim, TaskStatus::Open | TaskStatus::Claimed) => (TaskStatus::Claimed, Some(who.clone())),
            (Self::Claim | Self::Finish, TaskStatus::Done) => return Err(state("it is finished: reopen it first")),
            (Self::Finish, _) => (TaskStatus::Done, task.assignee.clone().or_else(|| Some(who.clone()))),
            (Self::Reopen, TaskStatus::Done) => (TaskStatus::Open, task.assignee.clone()),
            (Self::Reopen, _) => return Err(state("it is not finished")),
        };
        Ok(task.next(self.as_str(), (by, now), status, assignee))
    }

    /// The case of the task after the move; `None` when it counts the same as before.
    fn of_case(self, case: &Case, by: &Subject, now: DateTime<Utc>) -> Result<Option<Case>, Problem> {
        let count = match self {
            Self::Claim => return Ok(None),
            Self::Finish => case.open_tasks.saturating_sub(1),
            Self::Reopen if case.status == CaseStatus::Closed => return Err(closed()),
            Self::Reopen => case.open_tasks.saturating_add(1),
        };
        let what = format!("{} task", self.as_str());
        Ok(Some(case.next(&what, (by, now), |next| next.open_tasks = count)))
    }
}

/// Who moves a task, and who works on it when that is a claim.
struct Mover<'a> {
    by: &'a Subject,
    who: Subject,
}

impl Mover<'_> {
    /// Whether a task looks as the move leaves it: another claim by the same caller may have been for somebody else.
    fn has_left(&self, what: Move, task: &Task) -> bool {
        what != Move::Claim || task.assignee.as_ref() == Some(&self.who)
    }
}

/// The version that the caller has seen, and who moves the task. A claim keeps others away, so it is for somebody: for the person
/// who signed in, or for whom it names. A key that several people share stands for none of them.
fn asked<'a>(what: Move, caller: &'a Caller, request: &Request) -> Result<(u64, Mover<'a>), Problem> {
    let by = &caller.subject;
    if what != Move::Claim {
        let body: VersionRequest = request.json()?;
        let who = by.clone();
        return Ok((body.expected_version, Mover { by, who }));
    }
    let body: TaskClaimRequest = request.json()?;
    let mut found = Findings::default();
    let named = body
        .assignee
        .as_deref()
        .and_then(|who| found.field::<Subject>("/assignee", who));
    if body.assignee.is_none() && caller.person().is_err() {
        let detail = "a key stands for no person: say who works on it, or sign in";
        found.add("/assignee", "missing", detail);
    }
    found.none()?;
    let who = named.unwrap_or_else(|| by.clone());
    Ok((body.expected_version, Mover { by, who }))
}

fn state(detail: &str) -> Problem {
    Problem::new(Code::TaskState, detail)
}

fn closed() -> Problem {
    Problem::new(Code::CaseState, "the case is closed: open it first")
}

fn no_such_task() -> Problem {
    Problem::new(Code::NotFound, "there is no task with this id")
}

impl App {
    /// `POST /v1/tasks`.
    pub(crate) async fn create_task(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::DeskWrite)?;
        let body: TaskRequest = request.json()?;
        let wanted = self.wanted_task(caller, &body, now)?;
        let (tenant, id) = (&caller.tenant, self.id("task", caller, &body.client_token));
        for round in 0..ROUNDS_MAX {
            pause(round).await;
            if let Some(known) = desk::task(&self.db, tenant, &id).await? {
                return if known.d.content == wanted.content {
                    answer(200, &view::task(&id, &known.d), true)
                } else {
                    Err(contradiction())
                };
            }
            self.party_of_body(tenant, wanted.party.as_ref()).await?;
            let case = self.case_with_one_more(caller, wanted.case.as_ref(), now).await?;
            let case = case.as_ref().map(|(before, after)| (before, after));
            let made = caller.made(now);
            let put = desk::put_task(&self.db, tenant, &id, (None, &wanted), case, &made);
            if put.await? == Committed::Done {
                return answer(201, &view::task(&id, &wanted), false);
            }
        }
        Err(contended())
    }

    /// The task that a body asks for.
    fn wanted_task(&self, caller: &Caller, body: &TaskRequest, now: DateTime<Utc>) -> Result<Task, Problem> {
        let mut found = Findings::default();
        fields::title("/title", &body.title, &mut found);
        if let Some(text) = &body.text {
            fields::long_text("/text", text, &mut found);
        }
        let queue = found.field("/queue", &body.queue);
        let due = body
            .due
            .as_deref()
            .and_then(|due| fields::date("/due", due, &mut found));
        let party = body.party_id.as_deref().and_then(|id| found.field("/party_id", id));
        let case = body.case_id.as_deref().and_then(|id| found.field("/case_id", id));
        let assignee = body.assignee.as_deref().and_then(|who| found.field("/assignee", who));
        fields::token(&body.client_token, &mut found);
        found.none()?;
        let Some(queue) = queue else {
            return Err(Problem::new(
                Code::Internal,
                "the body was neither understood nor refused",
            ));
        };
        let first = Step {
            version: 1,
            what: "create".to_owned(),
            by: caller.subject.clone(),
            at: now,
        };
        Ok(Task {
            version: 1,
            content: self.content(body),
            title: body.title.clone(),
            text: body.text.clone(),
            queue,
            due,
            party,
            case,
            assignee,
            status: TaskStatus::Open,
            made_at: now,
            steps: vec![first],
        })
    }

    /// The case that a task is to belong to, before and after it.
    async fn case_with_one_more(
        &self,
        caller: &Caller,
        id: Option<&LookupKey>,
        now: DateTime<Utc>,
    ) -> Result<Option<(Record<Case>, Case)>, Problem> {
        let Some(id) = id else { return Ok(None) };
        let Some(before) = desk::case(&self.db, &caller.tenant, id).await? else {
            let mut found = Findings::default();
            found.add("/case_id", "unknown", "there is no case with this id");
            return Err(found.problem());
        };
        if before.d.status == CaseStatus::Closed {
            return Err(closed());
        }
        if before.d.tasks >= CASE_TASKS_MAX {
            return Err(Problem::new(
                Code::CaseState,
                "the case has 100 tasks: make another one",
            ));
        }
        let after = before.d.next("add task", (&caller.subject, now), |next| {
            next.tasks = next.tasks.saturating_add(1);
            next.open_tasks = next.open_tasks.saturating_add(1);
        });
        Ok(Some((before, after)))
    }

    /// `GET /v1/tasks/{task_id}`.
    pub(crate) async fn show_task(&self, request: &Request) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::DeskRead)?;
        let id: LookupKey = request.path("task_id")?;
        let known = self.known_task(&caller.tenant, &id).await?;
        answer(200, &view::task(&id, &known.d), false)
    }

    /// `GET /v1/tasks/{task_id}/history`.
    pub(crate) async fn task_history(&self, request: &Request) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::DeskRead)?;
        let id: LookupKey = request.path("task_id")?;
        self.known_task(&caller.tenant, &id).await?;
        self.older_steps(&caller.tenant, Of::Task(&id), request).await
    }

    async fn known_task(&self, tenant: &Tenant, id: &LookupKey) -> Result<Record<Task>, Problem> {
        desk::task(&self.db, tenant, id).await?.ok_or_else(no_such_task)
    }

    /// `POST /v1/tasks/{task_id}/claim`, `/finish` and `/reopen`.
    pub(crate) async fn change_task(
        &self,
        request: &Request,
        what: Move,
        now: DateTime<Utc>,
    ) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::DeskWrite)?;
        let (tenant, by) = (&caller.tenant, &caller.subject);
        let id: LookupKey = request.path("task_id")?;
        let (expected_version, mover) = asked(what, caller, request)?;
        for round in 0..ROUNDS_MAX {
            pause(round).await;
            let known = self.known_task(tenant, &id).await?;
            if known.d.was_changed_so(what.as_str(), by, expected_version) && mover.has_left(what, &known.d) {
                return answer(200, &view::task(&id, &known.d), true);
            }
            if known.d.version != expected_version {
                return Err(outdated(known.d.version));
            }
            let after = what.of(&known.d, &mover, now)?;
            let case = match &known.d.case {
                None => None,
                Some(case) => desk::case(&self.db, tenant, case).await?,
            };
            let case_after = case.as_ref().map(|case| what.of_case(&case.d, by, now)).transpose()?;
            let case = case.as_ref().zip(case_after.as_ref().and_then(Option::as_ref));
            let made = caller.made(now);
            let put = desk::put_task(&self.db, tenant, &id, (Some(&known), &after), case, &made);
            if put.await? == Committed::Done {
                return answer(200, &view::task(&id, &after), false);
            }
        }
        Err(contended())
    }

    /// `GET /v1/tasks`.
    pub(crate) async fn list_tasks(&self, request: &Request) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::DeskRead)?;
        let queue: Option<QueueId> = request.query("queue")?;
        let assignee: Option<Subject> = request.query("assignee")?;
        let status = status(request.query.get("status").map(String::as_str))?;
        let before = match request.query.get("due_before") {
            None => None,
            Some(text) => Some(
                text.parse::<NaiveDate>()
                    .map_err(|_| Problem::new(Code::MalformedParameter, "due_before: must be a date YYYY-MM-DD"))?,
            ),
        };
        let list = match (&assignee, &queue) {
            (Some(assignee), _) => List::Assignee(assignee),
            (None, Some(queue)) => List::Queue(queue),
            (None, None) => List::Due,
        };
        let (limit, after) = (request.limit()?, position(request)?);
        let read = desk::list::<Task>(&self.db, &caller.tenant, list, before, after.as_deref(), limit);
        let (found, next) = read.await?;
        let wanted = |task: &Task| {
            queue.as_ref().is_none_or(|queue| task.queue == *queue) && status.is_none_or(|status| task.status == status)
        };
        let named = |record: Record<Task>| Some((desk::id_of(&record.pk)?, record.d));
        let tasks = found.into_iter().filter_map(named).filter(|(_, task)| wanted(task));
        let page = TaskPage {
            items: tasks.map(|(id, task)| view::task(&id, &task)).collect(),
            next: next.map(|key| page::token(&key)),
        };
        answer(200, &page, false)
    }
}

/// The status that is asked for; finished tasks stand in no list.
fn status(text: Option<&str>) -> Result<Option<TaskStatus>, Problem> {
    match text {
        None => Ok(None),
        Some("open") => Ok(Some(TaskStatus::Open)),
        Some("claimed") => Ok(Some(TaskStatus::Claimed)),
        Some(_) => Err(Problem::new(
            Code::MalformedParameter,
            "status: must be open or claimed; finished tasks are in no list",
        )),
    }
}
