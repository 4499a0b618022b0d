//! Messages become documents; refused ones are listed.

use chrono::{DateTime, Utc};
use domain::id::{DocumentNumber, Tenant};
use http_edge::{Code, Findings, Problem, Request};
use messages::ErpMessage;
use runtime::contained;
use runtime::sqs::{Deadline, Delivery, Failed};
use store::Made;
use store::erp::{self, Flaw, Kind, Rejected};

use crate::App;

impl App {
    /// Works off a batch; returns the messages that must come again. What is wrong with a document does not change by itself:
    /// such a message is listed and does not come again.
    pub async fn work_off(
        &self,
        deliveries: Vec<Delivery<ErpMessage>>,
        deadline: Deadline,
        now: DateTime<Utc>,
    ) -> Failed {
        let mut failed = Failed::new();
        for Delivery { id, message } in deliveries {
            if deadline.is_near() {
                failed.insert(id);
                continue;
            }
            match contained(Box::pin(self.work(&message, now))).await {
                Ok(Ok(())) => {}
                Ok(Err(problem)) => {
                    tracing::error!(code = problem.code.as_str(), "a document of the ERP was not taken");
                    failed.insert(id);
                }
                Err(_) => {
                    failed.insert(id);
                }
            }
        }
        failed
    }

    async fn work(&self, message: &ErpMessage, now: DateTime<Utc>) -> Result<(), Problem> {
        let Some(kind) = kind(&message.kind) else {
            return Err(Problem::new(
                Code::MalformedBody,
                "kind: must be order, invoice or payment",
            ));
        };
        let mut request = Request::default();
        request.body = message.document.to_string().into_bytes();
        if !self.queue_of.contains(&message.tenant) {
            return self.refuse_stranger(kind, message, now).await;
        }
        let made = Made::from(now);
        match self.take(kind, &message.tenant, &request, &made).await {
            Ok(_) => Ok(()),
            // Late, and the newer one stands: nothing is wrong.
            Err(problem) if problem.code == Code::DocumentSuperseded => Ok(()),
            Err(problem) if problem.code.status() >= 500 => Err(problem),
            Err(problem) => self.list(kind, &message.tenant, message, problem, now).await,
        }
    }

    /// A message that speaks for a tenant whose queue this is not. The first of those whose it is hears of it: the tenant that
    /// is named has nothing to do with whoever sent it.
    async fn refuse_stranger(&self, kind: Kind, message: &ErpMessage, now: DateTime<Utc>) -> Result<(), Problem> {
        let Some(first) = self.queue_of.first() else {
            return Err(Problem::new(
                Code::Internal,
                "the queue is that of no tenant: set ErpTenants",
            ));
        };
        let mut found = Findings::default();
        let detail = "this queue takes documents of other tenants: send it to the queue of the tenant";
        found.add("/tenant", "forbidden", detail);
        self.list(kind, first, message, found.problem(), now).await
    }

    async fn list(
        &self,
        kind: Kind,
        tenant: &Tenant,
        message: &ErpMessage,
        problem: Problem,
        now: DateTime<Utc>,
    ) -> Result<(), Problem> {
        let mut named = format!("{}{}", kind.as_str(), message.document);
        if *tenant != message.tenant {
            named = format!("{} {named}", message.tenant);
        }
        let number = message.document.get("number").and_then(|number| number.as_str());
        let flaws = problem.errors.into_iter().map(|flaw| Flaw {
            pointer: flaw.pointer,
            code: flaw.code.to_owned(),
            detail: flaw.detail,
        });
        let rejected = Rejected {
            kind,
            number: number.and_then(|number| number.parse::<DocumentNumber>().ok()),
            code: problem.code.as_str().to_owned(),
            detail: problem.detail,
            flaws: flaws.collect(),
            seen_at: now,
            done_at: None,
        };
        tracing::warn!(
            kind = kind.as_str(),
            code = rejected.code,
            "a document of the ERP is refused and listed"
        );
        Ok(erp::reject(&self.db, tenant, &self.content(named.as_bytes()), rejected, now).await?)
    }
}

fn kind(text: &str) -> Option<Kind> {
    [Kind::Order, Kind::Invoice, Kind::Payment]
        .into_iter()
        .find(|kind| kind.as_str() == text)
}
