//! To what end, from where, for whom and for how long: what the law wants beside the data (Art. 25 para. 2 FADP, Art. 15 para. 1
//! GDPR). It says what this system does; a tenant who does more with the data adds it to the letter.

use serde_json::{Value, json};

pub(super) fn about() -> Value {
    json!({
        "purposes": [
            "to run the loyalty programme: to count points, to issue and redeem vouchers, to explain both",
            "to serve the person: cards, tasks, cases and communication",
            "to keep the books: receipts, points as a liability, documents of the ERP",
            "to write to the person where there is a consent for the channel",
        ],
        "sources": [
            "the person, at a till, in the shop or with the customer service",
            "the tills: receipts with the card that was presented",
            "the ERP: orders, invoices and payments, and files of customers that were imported",
            "the company's staff: classifications, tasks, notes of what was spoken",
        ],
        "recipients": [
            "staff of the company, by the rights that each has",
            "the tills' middleware: which vouchers of which party (by its number) are open, and the name while a card is shown",
            "the lettershop that prints letters and vouchers, while it prints them",
            "other systems of the company: which party was changed, and in which fields",
            "Amazon Web Services, as the processor that runs the system",
        ],
        "retention": {
            "party, contact points, consents, cards, communication, tasks": "until the party is erased",
            "receipts, ledger of points, vouchers, documents of the ERP":
                "as long as the law wants books to be kept; without a name once the party is erased",
            "statements": "30 days",
            "files of imports": "until the import is complete, at most 30 days",
            "messages between systems": "4 days; those that failed 14 days",
            "backups of the table": "35 days",
        },
        "rights": [
            "to have what is wrong corrected",
            "to have the data erased, as far as no law wants it kept",
            "to withdraw a consent, and to object to advertising",
            "to complain to the data protection authority",
        ],
        "profiling": "Segments are groups that the company has put the party into; rules of a programme may give their members more points. No decision with legal effect is made by a machine alone.",
    })
}
