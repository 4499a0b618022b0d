//! What the calls about a voucher have in common.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use domain::calendar;
use domain::code::VoucherCode;
use domain::id::{LocationId, LookupKey, TillId};
use domain::location::Location;
use domain::money::Money;
use domain::programme::Programme;
use domain::receipt::{self, ReceiptKey};
use domain::violation::Violation;
use domain::voucher::{Occasion, Presenter, Voucher};
use http_edge::{Caller, Code, Problem, Scope, guard};
use store::db::Read;
use store::guess::Terminal;
use store::{Record, Site, voucher};

use crate::App;
use crate::fields::{Fields, foreign_currency};

/// A call understood: where it comes from and which voucher it means.
pub(crate) struct Call<'a> {
    pub(crate) caller: &'a Caller,
    pub(crate) occasion: Occasion,
    till: TillId,
    lookup: LookupKey,
    pub(crate) location: Arc<Location>,
    programme: Arc<Programme>,
}

impl Call<'_> {
    /// Whether a basket may be held here today.
    pub(crate) fn may_hold(&self, total: Money) -> Result<(), Problem> {
        self.sells_on(self.today())?;
        self.may_ask(Some(total))
    }

    /// Whether a sale on this receipt may take a voucher: as for the receipt itself.
    pub(crate) fn may_redeem(&self, receipt: &ReceiptKey, total: Money) -> Result<(), Problem> {
        let day = receipt.business_date;
        self.sells_on(day)?;
        let migration = self.caller.has(Scope::PurchasesMigrate);
        let of_day = receipt::day_violation("/receipt", day, &self.programme, self.occasion.now, migration);
        let found = of_day
            .into_iter()
            .chain(foreign_currency(total, self.programme.currency));
        invalid(found.collect())
    }

    /// Whether a basket, if there is one, is of the location's currency.
    pub(crate) fn may_ask(&self, total: Option<Money>) -> Result<(), Problem> {
        let found = total.and_then(|total| foreign_currency(total, self.programme.currency));
        invalid(found.into_iter().collect())
    }

    /// Whether the location sells on that day.
    pub(crate) fn sells_on(&self, day: NaiveDate) -> Result<(), Problem> {
        if self.location.sells_on(day) {
            return Ok(());
        }
        Err(Problem::new(
            Code::LocationClosed,
            "store: the location was closed before the business date",
        ))
    }

    /// Where it comes from.
    pub(crate) fn terminal(&self) -> Terminal<'_> {
        Terminal {
            tenant: &self.caller.tenant,
            client: &self.caller.client,
            location: &self.occasion.location,
            till: &self.till,
        }
    }

    pub(crate) fn today(&self) -> NaiveDate {
        calendar::business_day(self.occasion.now, self.programme.zone)
    }
}

fn invalid(found: Vec<Violation>) -> Result<(), Problem> {
    if found.is_empty() {
        Ok(())
    } else {
        Err(Problem::invalid(found))
    }
}

impl App {
    /// Understands what all calls have in common. A malformed code costs no look at the table.
    pub(crate) async fn call<'a>(
        &self,
        caller: &'a Caller,
        fields: &mut Fields,
        (store, till, code): (&str, &str, &str),
        now: DateTime<Utc>,
    ) -> Result<Call<'a>, Problem> {
        let store: Option<LocationId> = fields.read("/store", store);
        let till: Option<TillId> = fields.read("/till", till);
        let code: Option<VoucherCode> = fields.code(code);
        let (Some(store), Some(till), Some(code)) = (store, till, code) else {
            return Err(fields.problem());
        };
        caller.at(&store)?;
        let (location, programme) = self.place(caller, &store).await?;
        let occasion = Occasion {
            location: store,
            programme: location.programme.clone(),
            presenter: Presenter::Unsaid,
            now,
        };
        Ok(Call {
            caller,
            occasion,
            till,
            lookup: code.lookup_key(self.pepper.bytes()),
            location,
            programme,
        })
    }

    /// The location, and the programme whose vouchers it takes.
    pub(crate) async fn place(
        &self,
        caller: &Caller,
        store: &LocationId,
    ) -> Result<(Arc<Location>, Arc<Programme>), Problem> {
        let location = self.location(caller, store).await?;
        let programme = self
            .programmes
            .current(&self.db, Site::RedeemLocation, &caller.tenant, &location.programme)
            .await?;
        let programme = programme
            .ok_or_else(|| Problem::new(Code::ProgrammeUnknown, "the programme of the location is not stored"))?;
        Ok((location, programme))
    }

    async fn location(&self, caller: &Caller, store: &LocationId) -> Result<Arc<Location>, Problem> {
        let location = self
            .locations
            .get(&self.db, Site::RedeemLocation, &caller.tenant, store)
            .await?;
        location.ok_or_else(|| {
            Problem::new(
                Code::LocationUnknown,
                "store: there is no such location; add it first or correct the id",
            )
        })
    }

    /// The voucher; an unknown code is counted against the terminal.
    pub(crate) async fn find(&self, call: &Call<'_>) -> Result<Record<Voucher>, Problem> {
        let (tenant, now) = (&call.caller.tenant, call.occasion.now);
        let found = voucher::read(&self.db, Site::RedeemVoucher, tenant, &call.lookup, Read::Strong).await?;
        guard::count_lookup(found.is_some(), now);
        if let Some(record) = found {
            return Ok(record);
        }
        let unknown = Problem::new(Code::VoucherUnknown, "there is no voucher with this code");
        Err(self.guard.unknown(&self.db, &call.terminal(), unknown, now).await?)
    }
}
