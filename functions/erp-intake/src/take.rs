//! A document is stored once.

use domain::code;
use domain::id::{DocumentNumber, LookupKey, PartyId, Tenant};
use domain::morale::{PAYMENTS_MAX, Payment};
use http_edge::api::erp::{DocumentAnswer, InvoiceRequest, OrderRequest, PaymentRequest};
use http_edge::{Code, Findings, Problem, Request};
use serde_json::json;
use store::Made;
use store::erp::{
    self, Committed, Compared, InvoiceChange, InvoiceDocument, Kind, Order, OrderHead, PaymentHead, Revision,
};

use crate::parties::Named;
use crate::{App, ROUNDS_MAX, fields, pause};

/// What became of a document.
pub(crate) struct Taken {
    /// Whether it was stored before.
    pub(crate) replayed: bool,
    /// What stands.
    pub(crate) answer: DocumentAnswer,
}

impl Taken {
    fn new(kind: Kind, number: &DocumentNumber, revision: &Revision, party: Option<&PartyId>, replayed: bool) -> Self {
        Self {
            replayed,
            answer: DocumentAnswer {
                kind: kind.as_str().to_owned(),
                number: number.to_string(),
                revision: revision.number,
                party_id: party.map(PartyId::to_string),
            },
        }
    }
}

/// Whether a document is stored already.
///
/// # Errors
/// [`Code::DocumentSuperseded`], [`Code::DocumentContradiction`].
fn stored_before(wanted: &Revision, standing: Option<&Revision>) -> Result<bool, Problem> {
    match wanted.against(standing) {
        Compared::Newer => Ok(false),
        Compared::Same => Ok(true),
        Compared::Superseded => Err(Problem::new(
            Code::DocumentSuperseded,
            "revision: a higher one of this number is stored",
        )),
        Compared::Contradiction => Err(Problem::new(
            Code::DocumentContradiction,
            "revision: the same one of this number is stored with other content",
        )),
    }
}

impl App {
    /// Stores a document, or finds that it is stored.
    ///
    /// # Errors
    /// The problem to answer with.
    pub(crate) async fn take(
        &self,
        kind: Kind,
        tenant: &Tenant,
        request: &Request,
        made: &Made,
    ) -> Result<Taken, Problem> {
        match kind {
            Kind::Order => self.take_order(tenant, &request.json()?, made).await,
            Kind::Invoice => self.take_invoice(tenant, &request.json()?, made).await,
            Kind::Payment => self.take_payment(tenant, &request.json()?, made).await,
        }
    }

    /// The revision of a document with the keyed hash of its content: the party as it is named, so that a party that changes its
    /// ids does not turn a replay into a contradiction.
    fn revision(&self, number: u32, party: Option<&Named>, body: &serde_json::Value) -> Revision {
        let party = party.map(Named::content);
        let content = json!([party, body]).to_string();
        Revision {
            number,
            content: self.content(content.as_bytes()),
        }
    }

    pub(crate) fn content(&self, bytes: &[u8]) -> LookupKey {
        code::lookup_key(self.pepper.bytes(), "erp-content/1", bytes)
    }

    async fn take_order(&self, tenant: &Tenant, body: &OrderRequest, made: &Made) -> Result<Taken, Problem> {
        let wanted = fields::order(body)?;
        let content = json!([body.date, body.status, body.total, body.lines]);
        let revision = self.revision(body.revision, Some(&wanted.party), &content);
        for round in 0..ROUNDS_MAX {
            pause(round).await;
            let before = erp::order(&self.db, tenant, &wanted.number).await?;
            if stored_before(&revision, before.as_ref().map(|before| &before.d.revision))? {
                let party = before.as_ref().map(|before| &before.d.party);
                return Ok(Taken::new(Kind::Order, &wanted.number, &revision, party, true));
            }
            let party = self.party_of(tenant, &wanted.party).await?;
            let head = OrderHead {
                version: before.as_ref().map_or(1, |before| before.d.version.saturating_add(1)),
                revision: revision.clone(),
                party: party.clone(),
                date: wanted.date,
            };
            let order = Order {
                number: wanted.number.clone(),
                revision: revision.number,
                date: wanted.date,
                status: wanted.status,
                total: wanted.total,
                lines: wanted.lines.clone(),
            };
            if erp::put_order(&self.db, tenant, before.as_ref(), (&head, &order), made).await? == Committed::Done {
                return Ok(Taken::new(Kind::Order, &wanted.number, &revision, Some(&party), false));
            }
        }
        Err(contended())
    }

    async fn take_invoice(&self, tenant: &Tenant, body: &InvoiceRequest, made: &Made) -> Result<Taken, Problem> {
        let wanted = fields::invoice(body)?;
        let content = json!([body.date, body.due_date, body.total, body.dunning_level, body.status]);
        let revision = self.revision(body.revision, Some(&wanted.party), &content);
        for round in 0..ROUNDS_MAX {
            pause(round).await;
            let before = erp::invoice(&self.db, tenant, &wanted.number).await?;
            let standing = before.as_ref().and_then(|before| before.d.document.as_ref());
            if stored_before(&revision, standing.map(|document| &document.revision))? {
                let party = standing.map(|document| &document.party);
                return Ok(Taken::new(Kind::Invoice, &wanted.number, &revision, party, true));
            }
            let party = self.party_of(tenant, &wanted.party).await?;
            let document = InvoiceDocument {
                revision: revision.clone(),
                party: party.clone(),
                date: wanted.date,
                due: wanted.due,
                total: body.total,
                dunning_level: body.dunning_level,
                status: wanted.status,
            };
            let change = InvoiceChange::of(&wanted.number, before, |state| state.document = Some(document));
            if erp::put_invoice(&self.db, tenant, &change, made).await? == Committed::Done {
                return Ok(Taken::new(
                    Kind::Invoice,
                    &wanted.number,
                    &revision,
                    Some(&party),
                    false,
                ));
            }
        }
        Err(contended())
    }

    async fn take_payment(&self, tenant: &Tenant, body: &PaymentRequest, made: &Made) -> Result<Taken, Problem> {
        let wanted = fields::payment(body)?;
        let content = json!([body.invoice, body.date, body.amount]);
        let revision = self.revision(body.revision, None, &content);
        let payment = Payment {
            number: wanted.number.clone(),
            date: wanted.date,
            amount: body.amount,
        };
        for round in 0..ROUNDS_MAX {
            pause(round).await;
            let before = erp::payment(&self.db, tenant, &wanted.number).await?;
            let replayed = stored_before(&revision, before.as_ref().map(|before| &before.d.revision))?;
            let invoice = erp::invoice(&self.db, tenant, &wanted.invoice).await?;
            let party = invoice.as_ref().and_then(|invoice| invoice.d.document.as_ref());
            let party = party.map(|document| document.party.clone());
            if replayed {
                return Ok(Taken::new(
                    Kind::Payment,
                    &wanted.number,
                    &revision,
                    party.as_ref(),
                    true,
                ));
            }
            let other = before.as_ref().map(|before| &before.d.invoice);
            let mut changes = vec![InvoiceChange::of(&wanted.invoice, invoice, |state| {
                state.payments.retain(|known| known.number != payment.number);
                state.payments.push(payment.clone());
            })];
            if let Some(other) = other.filter(|other| **other != wanted.invoice) {
                let paid_before = erp::invoice(&self.db, tenant, other).await?;
                changes.push(InvoiceChange::of(other, paid_before, |state| {
                    state.payments.retain(|known| known.number != payment.number);
                }));
            }
            if changes.iter().any(|change| change.after.payments.len() > PAYMENTS_MAX) {
                let mut found = Findings::default();
                let detail = "an invoice takes 40 payments: raise the amount of its last one by a higher revision";
                found.add("/invoice", "too_many_payments", detail);
                return Err(found.problem());
            }
            let head = PaymentHead {
                version: before.as_ref().map_or(1, |before| before.d.version.saturating_add(1)),
                revision: revision.clone(),
                invoice: wanted.invoice.clone(),
            };
            let put = erp::put_payment(
                &self.db,
                tenant,
                &wanted.number,
                (before.as_ref(), &head),
                &changes,
                made,
            );
            if put.await? == Committed::Done {
                return Ok(Taken::new(
                    Kind::Payment,
                    &wanted.number,
                    &revision,
                    party.as_ref(),
                    false,
                ));
            }
        }
        Err(contended())
    }
}

/// The answer to a document that kept losing against others.
fn contended() -> Problem {
    Problem::new(
        Code::Unavailable,
        "others kept changing the same documents while the call was at work: repeat the same call",
    )
}
