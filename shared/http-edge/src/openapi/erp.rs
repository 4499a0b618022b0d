//! Calls of erp-intake.

use serde_json::{Value, json};

use super::operation::{Answer, Body, Operation, Parameter, optional, paging, path};
use crate::api::erp::{
    DocumentAnswer, InvoiceRequest, MoraleView, OrderPage, OrderRequest, PaymentRequest, RejectedPage, TickedOff,
    WaitingPage,
};
use crate::problem::Code;

const TAG: &str = "ERP";
const PARTY: &str = "0199b1f0-7a64-7c3e-9d51-2f4a1c8e7b10";
const DOCUMENT: &str = "MZXW6YTBOIQGC3TEMFZGKIDPN";
const SENT: &[Code] = &[
    Code::Invalid,
    Code::PartyUnknown,
    Code::DocumentContradiction,
    Code::DocumentSuperseded,
];

pub(super) fn operations() -> Vec<Operation> {
    vec![
        send(
            ("POST /v1/erp/orders", "sendOrder", "Send an order"),
            Body::of::<OrderRequest>(order()),
            "order",
        ),
        send(
            ("POST /v1/erp/invoices", "sendInvoice", "Send an invoice"),
            Body::of::<InvoiceRequest>(invoice()),
            "invoice",
        ),
        send(
            ("POST /v1/erp/payments", "sendPayment", "Send a payment"),
            Body::of::<PaymentRequest>(payment()),
            "payment",
        ),
        rejected(),
        tick_off(),
        waiting(),
        orders(),
        morale(),
    ]
}

fn chf(minor: i64) -> Value {
    json!({"amount_minor": minor, "currency": "CHF"})
}

fn line() -> Value {
    json!({"article": "TS-1", "text": "T-Shirt white", "quantity_milli": 1_000_000, "amount": chf(990_000)})
}

fn order() -> Value {
    json!({
        "number": "AB-2026.1042", "revision": 1, "external_id": {"system": "erp", "id": "D-10042"}, "date": "2026-11-03",
        "status": "open", "total": chf(990_000), "lines": [line()],
    })
}

fn invoice() -> Value {
    json!({
        "number": "RE-2026.2201", "revision": 1, "party_id": PARTY, "date": "2026-11-05", "due_date": "2026-12-05",
        "total": chf(990_000), "dunning_level": 0, "status": "open",
    })
}

fn payment() -> Value {
    json!({
        "number": "ZE-2026.3107", "revision": 1, "invoice": "RE-2026.2201", "date": "2026-11-21", "amount": chf(990_000),
    })
}

fn send(
    (route, id, summary): (&'static str, &'static str, &'static str),
    request: Body,
    kind: &'static str,
) -> Operation {
    let answer = json!({
        "kind": kind, "number": request.example["number"], "revision": 1, "party_id": PARTY,
    });
    Operation {
        route,
        id,
        tag: TAG,
        summary,
        description: "The ERP's own number is the document's identity: the same content again changes nothing, other content \
                      is taken when its `revision` is higher. The same bodies can be put on the queue `ErpQueue`, one for each \
                      message as `{\"tenant\", \"kind\", \"document\"}`; what is refused there is listed at \
                      `GET /v1/erp/rejected`. A payment may come before its invoice.",
        parameters: Vec::new(),
        request: Some(request),
        answers: vec![
            Answer::json::<DocumentAnswer>(201, "Stored now.", answer.clone()),
            Answer::json::<DocumentAnswer>(200, "Stored before.", answer).may_replay(),
        ],
        codes: SENT,
    }
}

fn rejected() -> Operation {
    let one = json!({
        "document_id": DOCUMENT, "kind": "invoice", "number": "RE-2026.2202", "problem": "invalid", "detail": "/due_date: must not be before the date",
        "errors": [{"pointer": "/due_date", "finding": "out_of_range", "detail": "must not be before the date"}],
        "seen_at": "2026-11-24T07:02:11Z",
    });
    Operation {
        route: "GET /v1/erp/rejected",
        id: "listRejectedDocuments",
        tag: TAG,
        summary: "List documents that came by the queue and were refused",
        description: "Each content once, for 90 days or until it is ticked off. Mend it in the ERP and send it again.",
        parameters: paging().to_vec(),
        request: None,
        answers: vec![Answer::json::<RejectedPage>(
            200,
            "A page of them.",
            json!({"items": [one]}),
        )],
        codes: &[],
    }
}

fn tick_off() -> Operation {
    Operation {
        route: "POST /v1/erp/rejected/{document_id}/done",
        id: "tickOffRejectedDocument",
        tag: TAG,
        summary: "Take a refused document off the list",
        description: "Once it was mended, or is known to be wrong for good. The same content that comes again does not put it back \
                      on the list.",
        parameters: vec![path("document_id", "Id of the refused document.", DOCUMENT)],
        request: None,
        answers: vec![Answer::json::<TickedOff>(
            200,
            "Done, now or before.",
            json!({"document_id": DOCUMENT, "status": "done"}),
        )],
        codes: &[Code::NotFound],
    }
}

fn waiting() -> Operation {
    let one = json!({
        "invoice": "RE-2026.2203", "since": "2026-11-21T07:02:11Z", "days": 3,
        "payments": [{"number": "ZE-2026.917", "date": "2026-11-20", "amount": chf(990_000)}],
    });
    Operation {
        route: "GET /v1/erp/waiting-payments",
        id: "listWaitingPayments",
        tag: TAG,
        summary: "List payments whose invoice has not come",
        description: "The longest waiting first. They count for nobody until the invoice says who is to pay.",
        parameters: paging().to_vec(),
        request: None,
        answers: vec![Answer::json::<WaitingPage>(
            200,
            "A page of them.",
            json!({"items": [one]}),
        )],
        codes: &[],
    }
}

fn party() -> Parameter {
    path("party_id", "The party.", PARTY)
}

fn orders() -> Operation {
    let one = json!({
        "number": "AB-2026.1042", "revision": 1, "date": "2026-11-03", "status": "open", "total": chf(990_000),
        "lines": [line()],
    });
    let mut parameters = vec![party()];
    parameters.extend(paging());
    Operation {
        route: "GET /v1/parties/{party_id}/orders",
        id: "listOrders",
        tag: TAG,
        summary: "List what a party ordered",
        description: "What, how much and when, the newest first.",
        parameters,
        request: None,
        answers: vec![Answer::json::<OrderPage>(
            200,
            "A page of orders.",
            json!({"items": [one]}),
        )],
        codes: &[Code::NotFound],
    }
}

fn morale() -> Operation {
    let example = json!({
        "as_of": "2026-11-24", "from": "2024-11-25", "complete": true, "invoices": 12, "open": 2, "overdue": 1,
        "paid_on_time": 8, "paid_late": 2, "written_off": 0, "mean_days_late": 3, "worst_days_late": 21,
        "dunning_level": 1, "open_amounts": [chf(1_240_000)], "overdue_amounts": [chf(250_000)],
    });
    Operation {
        route: "GET /v1/parties/{party_id}/payment-morale",
        id: "getPaymentMorale",
        tag: TAG,
        summary: "Show how a party pays",
        description: "Folded anew from the invoices and payments of 24 months, so that late, doubled and reordered documents end \
                      in the same answer.",
        parameters: vec![
            party(),
            optional(
                "as_of",
                "The day at whose end it is seen, `YYYY-MM-DD`; today (UTC) when absent.",
            ),
        ],
        request: None,
        answers: vec![Answer::json::<MoraleView>(200, "How it pays.", example)],
        codes: &[Code::NotFound],
    }
}
