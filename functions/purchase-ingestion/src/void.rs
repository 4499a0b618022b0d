//! A receipt is taken back on its own day, as if it had never been.

use chrono::{DateTime, Utc};
use domain::calendar;
use domain::receipt::ReceiptKey;
use domain::violation::Violation;
use http_edge::api::returns::VoidAnswer;
use http_edge::{Caller, Code, Problem, Request, Response, Scope};
use store::Site;
use store::db::Read;
use store::receipt::{self, Standing, Voided};
use store::returned::{self, Voiding};

use crate::App;

impl App {
    pub(crate) async fn void(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::PurchasesWrite)?;
        let key: ReceiptKey = request.path("key")?;
        caller.at(&key.store)?;
        let (known, voided) = self.known_and_voided(caller, &key).await?;
        if !voided {
            self.on_its_day(caller, &key, now).await?;
        }
        let voided = Voided {
            at: now,
            client: caller.client.clone(),
        };
        let voiding = returned::void(&self.db, &caller.tenant, &key, voided, caller.made(now)).await?;
        let answer = VoidAnswer {
            key: key.to_string(),
            receipt_known: known,
            as_of: now,
        };
        match voiding {
            Voiding::Now => Response::json(201, &answer),
            Voiding::Before => Ok(Response::json(200, &answer)?.header("idempotency-replayed", "true")),
        }
    }

    async fn known_and_voided(&self, caller: &Caller, key: &ReceiptKey) -> Result<(bool, bool), Problem> {
        let standing = receipt::standing(&self.db, Site::IngestOriginal, &caller.tenant, key, Read::Strong).await?;
        Ok(match standing {
            Some(Standing::Receipt(record)) => (true, record.d.voided.is_some()),
            Some(Standing::Awaited(record)) => (false, record.d.voided.is_some()),
            None => (false, false),
        })
    }

    /// A receipt is voided on its business date; who may migrate may do so later.
    async fn on_its_day(&self, caller: &Caller, key: &ReceiptKey, now: DateTime<Utc>) -> Result<(), Problem> {
        let programme = self.programme_at(caller, &key.store).await?;
        let today = calendar::business_day(now, programme.zone);
        let day = key.business_date;
        if day > today {
            return Err(Problem::invalid(vec![Violation::new(
                "/key",
                "date_in_future",
                format!("the business date is after today, {today}: check the key"),
            )]));
        }
        if day == today || caller.has(Scope::PurchasesMigrate) {
            return Ok(());
        }
        Err(Problem::new(
            Code::VoidTooLate,
            format!("the receipt could be voided on {day} only"),
        ))
    }
}
