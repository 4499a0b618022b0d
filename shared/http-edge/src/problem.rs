//! RFC 9457 problems. `code` is the machine's contract: it never changes its meaning.

use domain::adjustment;
use domain::violation::Violation;
use domain::voucher::Refusal;
use serde_json::{Map, Value, json};
use store::StoreError;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $status:literal, $title:literal, $remedy:literal;)*) => {
        /// Every problem that a function answers.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The stable text.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// HTTP status.
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// One line for people.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// What the caller can do.
            pub const fn remedy(self) -> &'static str {
                match self { $(Self::$name => $remedy,)* }
            }
        }
    };
}

codes! {
    /// Not JSON, or not of the documented shape.
    MalformedBody = "malformed_body", 400, "The body cannot be read", "Send JSON of the documented shape.";
    /// A path or query parameter cannot be read.
    MalformedParameter = "malformed_parameter", 400, "A parameter cannot be read", "Correct the parameter named in the detail.";
    /// No caller in the context.
    Unauthenticated = "unauthenticated", 401, "The caller is not known", "Send a valid key or token.";
    /// The key or token lacks a scope.
    ScopeMissing = "scope_missing", 403, "A scope is missing", "Use a key or token with the scope named in the detail.";
    /// The key does not speak for the location.
    LocationForbidden = "location_forbidden", 403, "The location is not this caller's", "Use the key of the location's middleware.";
    /// Nothing under this path.
    NotFound = "not_found", 404, "Not found", "Check the id in the path.";
    /// A card that nobody issued.
    CardUnknown = "card_unknown", 404, "The card is not known", "Read the card again; issue it if it is new.";
    /// A voucher code that does not exist.
    VoucherUnknown = "voucher_unknown", 404, "The voucher is not known", "Read or type the code again.";
    /// The body is larger than allowed.
    BodyTooLarge = "body_too_large", 413, "The body is too large", "Send at most 256 KiB.";
    /// Fields are wrong; `errors` names them.
    Invalid = "invalid", 422, "The content is not acceptable", "Correct the fields listed in errors.";
    /// The location does not exist.
    LocationUnknown = "location_unknown", 422, "The location is not known", "Add the location, or correct its id.";
    /// The location sold its last receipt before.
    LocationClosed = "location_closed", 422, "The location is closed", "Check the business date, or reopen the location.";
    /// The location's programme does not exist.
    ProgrammeUnknown = "programme_unknown", 422, "The programme is not known", "Store the programme first.";
    /// The party does not exist.
    PartyUnknown = "party_unknown", 422, "The party is not known", "Store the party first.";
    /// The party was erased.
    PartyErased = "party_erased", 410, "The party was erased", "Nothing brings it back, and its ids stay taken. Store a new party under new ids if the person comes again.";
    /// The own company or a branch is to be erased.
    OwnPartyStays = "own_party_stays", 409, "The own company and its branches are not erased", "Close the location instead.";
    /// The request of erasure is in a state that forbids this.
    ErasureState = "erasure_state", 409, "The state of the erasure does not allow this", "Read the request: the detail says where it stands.";
    /// More is stored about the party than one statement can hold.
    StatementTooLarge = "statement_too_large", 422, "The statement is too large for one call", "Ask operations to make it from a copy of the table.";
    /// The file of an import is not there any more.
    FileGone = "file_gone", 409, "The file is gone", "Put the file again: an import that is complete drops it.";
    /// The same external id or client token with other content.
    PartyContradiction = "party_contradiction", 409, "A party with this id was stored before with other content", "Use the stored party, or store the new one under its own id.";
    /// Another party has the id.
    IdentifierTaken = "identifier_taken", 409, "Another party has this id", "Use the party in the answer, or end the id there first.";
    /// The party is not in the version that the caller has seen.
    VersionMismatch = "version_mismatch", 412, "It was changed meanwhile", "Read it again and repeat the change on what it is now.";
    /// The caller must say which version it has seen.
    PreconditionNeeded = "precondition_needed", 428, "If-Match is missing", "Send the ETag of the last answer as If-Match, or * to change whatever is there.";
    /// The same receipt with other content.
    ReceiptContradiction = "receipt_contradiction", 422, "This receipt was sent before with other content", "Do not change a receipt: send a new one under a new number. The stored one stands; an operator sees the case.";
    /// The same return with other content.
    ReturnContradiction = "return_contradiction", 422, "This return was sent before with other content", "Do not change a return: send a new one under a new number. The stored one stands; an operator sees the case.";
    /// The receipt has as many returns as it can have.
    TooManyReturns = "too_many_returns", 409, "The receipt has too many returns", "Send the return without its original, with the card.";
    /// The day of the receipt is over.
    VoidTooLate = "void_too_late", 409, "The receipt can no longer be voided", "Send a return instead.";
    /// The receipt belongs to a party already.
    ReceiptAssigned = "receipt_assigned", 409, "The receipt belongs to an account already", "A receipt can be claimed once.";
    /// The time for a claim is over.
    ClaimTooLate = "claim_too_late", 409, "The receipt is too old to be claimed", "Ask the customer service.";
    /// Goods of the receipt have not come back.
    ReceiptNotReturned = "receipt_not_returned", 409, "The receipt stands", "Send its returns, or void it, and repeat the call.";
    /// The card leads nowhere.
    CardNotActive = "card_not_active", 409, "The card is not active", "Register the card, or use the one that replaced it.";
    /// The card is in a state that forbids this.
    CardState = "card_state", 409, "The card's state does not allow this", "See the detail for the card's state.";
    /// The voucher was redeemed on another receipt.
    VoucherRedeemed = "voucher_redeemed", 409, "The voucher was redeemed before", "Take another payment; the first redemption is in the answer.";
    /// The voucher is held for another basket.
    VoucherReserved = "voucher_reserved", 409, "The voucher is reserved", "Wait until the reservation ends, or release it there.";
    /// The basket does not hold the voucher.
    VoucherNotHeld = "voucher_not_held", 409, "The basket does not hold the voucher", "Reserve it again, or redeem without a basket.";
    /// The redemption on this receipt was reversed.
    VoucherReversed = "voucher_reversed", 409, "The redemption on this receipt was reversed", "Redeem on a new receipt.";
    /// There is no redemption on this receipt.
    VoucherNotRedeemed = "voucher_not_redeemed", 409, "The voucher is not redeemed on this receipt", "Check the receipt key.";
    /// Reversed too often.
    VoucherReversalsExhausted = "voucher_reversals_exhausted", 409, "The voucher was reversed too often", "An operator must look at the voucher.";
    /// The validity has not begun.
    VoucherNotYetValid = "voucher_not_yet_valid", 409, "The voucher is not valid yet", "Take it from its first day.";
    /// The validity is over.
    VoucherExpired = "voucher_expired", 409, "The voucher has expired", "Take another payment.";
    /// Stopped by an operator.
    VoucherBlocked = "voucher_blocked", 409, "The voucher is blocked", "Ask the customer service.";
    /// The holder is in a class that keeps it from vouchers.
    VoucherHolderStopped = "voucher_holder_stopped", 409, "Vouchers of this customer are not taken at present", "Take another payment; the customer service knows why.";
    /// Its campaign names other locations.
    VoucherOtherLocation = "voucher_other_location", 409, "The voucher is not taken here", "Its campaign names the locations that take it.";
    /// A personal voucher, and nobody says who presents it.
    VoucherNeedsCustomer = "voucher_needs_customer", 409, "The voucher is personal", "Send the card that the customer presents; a shop sends who has signed in.";
    /// A personal voucher, and somebody else presents it.
    VoucherOtherCustomer = "voucher_other_customer", 409, "The voucher is another customer's", "Take it with a card of the customer it was issued to.";
    /// A voucher for some product groups, and the call does not name the goods.
    VoucherNeedsGoods = "voucher_needs_goods", 409, "The voucher is for some product groups", "Send basket_by_vat with the groups in the answer of a check.";
    /// The basket has no goods of those that the voucher is for, or too few.
    VoucherGoodsTooFew = "voucher_goods_too_few", 409, "The voucher takes nothing off these goods", "Take the voucher on a basket with goods that it is for.";
    /// The printer has not confirmed its letter.
    VoucherNotYetConfirmed = "voucher_not_yet_confirmed", 409, "The letters of the voucher are not confirmed yet", "Take it once the printer has confirmed the run.";
    /// Void for ever.
    VoucherVoided = "voucher_voided", 409, "The voucher was voided", "Take another payment; the customer service knows why.";
    /// It is taken at once.
    VoucherNotInParts = "voucher_not_in_parts", 409, "The voucher is taken at once", "Redeem it without an amount.";
    /// Less is left of it.
    VoucherRestTooSmall = "voucher_rest_too_small", 409, "Less is left of the voucher", "Take at most the rest in the answer.";
    /// This receipt took another part of it.
    VoucherOtherPart = "voucher_other_part", 409, "This receipt took another amount of the voucher", "The first amount stands. Reverse it and redeem on a new receipt.";
    /// Taken in too many parts.
    VoucherPartsExhausted = "voucher_parts_exhausted", 409, "The voucher was taken in too many parts", "An operator must look at the voucher.";
    /// A part of it was taken.
    VoucherPartlyRedeemed = "voucher_partly_redeemed", 409, "A part of the voucher was taken", "Block or extend it; it cannot be voided or reissued.";
    /// It is not blocked.
    VoucherNotBlocked = "voucher_not_blocked", 409, "The voucher is not blocked", "Nothing: it can be taken.";
    /// The new last day is not later, or over.
    VoucherNotExtended = "voucher_not_extended", 409, "The new last day is not later", "Name a later day than the one in the answer, and none that is over.";
    /// Another voucher stands in its place.
    VoucherReissued = "voucher_reissued", 409, "Another voucher stands in its place", "Do it to the voucher in the answer.";
    /// Reissued too often.
    VoucherReissuesExhausted = "voucher_reissues_exhausted", 409, "The voucher was reissued too often", "Void it, or give another one.";
    /// A receipt names the voucher as a payment.
    VoucherPaidWith = "voucher_paid_with", 409, "A receipt names the voucher as a payment", "Have it redeemed on that receipt, or the sale reversed.";
    /// The voucher belongs to another programme.
    VoucherOtherProgramme = "voucher_other_programme", 409, "The voucher belongs to another programme", "Take it at a location of its programme.";
    /// Branches without a line take no vouchers.
    OfflineNotAllowed = "offline_not_allowed", 409, "Nothing may be redeemed offline here", "Have offline set in the location's programme; only branches can be without a line.";
    /// The allowance of a journal was not signed here.
    AllowanceNotGenuine = "allowance_not_genuine", 422, "The allowance was not given like this", "Send the signed allowance exactly as it was given.";
    /// The basket is too small for the voucher.
    BasketTooSmall = "basket_too_small", 409, "The basket is too small for the voucher", "Take the voucher on a larger basket.";
    /// The same client token with other content.
    AdjustmentContradiction = "adjustment_contradiction", 409, "Something else was asked for under this client token", "Send the first call again as it was, or make up a new token.";
    /// The author cannot be the second person.
    ApprovalByAuthor = "approval_by_author", 403, "The author cannot approve", "Ask somebody else who may approve.";
    /// It was rejected.
    AdjustmentRejected = "adjustment_rejected", 409, "It was rejected", "Ask for it anew under a new client token if it is right after all.";
    /// The campaign stands where this cannot be done.
    CampaignState = "campaign_state", 409, "The campaign does not allow this now", "See the detail for what comes first.";
    /// The run has no file yet.
    RunNotWritten = "run_not_written", 409, "The file of the run does not stand yet", "Read how far the run is, and try again later.";
    /// Its points have moved.
    AdjustmentPosted = "adjustment_posted", 409, "It was posted before", "Correct it by another correction.";
    /// The programme does not allow transfers.
    TransfersNotAllowed = "transfers_not_allowed", 409, "The programme allows no transfers", "Have adjustments.transfers set in the programme.";
    /// The two parties belong to no common household or company.
    NotRelated = "not_related", 409, "The two belong to no common household or company", "Relate them by a relationship that shares points.";
    /// The account has fewer points than are to leave it.
    BalanceTooSmall = "balance_too_small", 409, "The balance is too small", "Transfer at most the balance in the answer.";
    /// The same revision of a document with other content.
    DocumentContradiction = "document_contradiction", 422, "This document was sent before with other content", "Raise the revision when a document changes. The stored one stands.";
    /// A newer revision of the document is stored.
    DocumentSuperseded = "document_superseded", 422, "A newer revision of this document is stored", "Nothing: the newer one stands.";
    /// The same client token of the service desk with other content.
    DeskContradiction = "desk_contradiction", 409, "Something else was kept under this client token", "Send the first call again as it was, or make up a new token.";
    /// The task is in a state that forbids this.
    TaskState = "task_state", 409, "The state of the task does not allow this", "See the detail for its state.";
    /// The case is closed, or has open tasks, or as many tasks as it can have.
    CaseState = "case_state", 409, "The state of the case does not allow this", "See the detail for its state.";
    /// Parties that may be the same as the lead, and the call does not say that they are not.
    LeadCandidates = "lead_candidates", 409, "The lead may be a party that is known", "Convert it into one of the candidates in the answer, or name those in not_the_same_as that are somebody else.";
    /// Something else was decided about the lead.
    LeadState = "lead_state", 409, "The lead was decided on before", "See the detail for what became of it.";
    /// Somebody else changed it at the same time.
    ConcurrentChange = "concurrent_change", 409, "Somebody changed this at the same time", "Read it again and repeat the change.";
    /// Approvals are a person's: a key may be held by whoever asked.
    PersonNeeded = "person_needed", 403, "A person must do this", "Sign in as an operator; API keys cannot approve.";
    /// The id of the run stands for another run.
    RunContradiction = "run_contradiction", 409, "The id stands for another run", "Choose another id.";
    /// The run cannot be approved: it is a trial, or not counted yet.
    RunNotReady = "run_not_ready", 409, "The run cannot be approved", "Wait until it is counted; a trial is never posted.";
    /// The client has two active keys.
    ClientKeysFull = "client_keys_full", 409, "The client has two active keys", "Withdraw the key that is no longer used, then make the new one.";
    /// The position in the feed is older than what is kept.
    CursorExpired = "cursor_expired", 410, "The feed no longer goes back that far", "Begin without a cursor.";
    /// Nothing of a file can be imported.
    ImportRefused = "import_refused", 409, "The file cannot be imported", "Mend the file and put it again.";
    /// The month is not over.
    MonthNotOver = "month_not_over", 409, "The month is not over", "Ask for it from one hour after its end on.";
    /// The sums of a day are outside the range of the books.
    ReportTooLarge = "report_too_large", 422, "The report is too large for one call", "Ask operations to sum this day.";
    /// Too many unknown codes or cards from this terminal.
    TooManyUnknown = "too_many_unknown", 429, "Too many unknown codes or cards", "Wait for the time in Retry-After. Known codes and cards go on working.";
    /// A fault on our side.
    Internal = "internal", 500, "Something went wrong here", "Repeat the call; report the request id if it persists.";
    /// Busy, or an answer was lost.
    Unavailable = "unavailable", 503, "Busy at the moment", "Repeat the same call after the time in Retry-After: it is not applied twice.";
}

/// A problem on its way to the caller. Texts carry no personal data, no codes and no keys.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// What it is.
    pub code: Code,
    /// What happened in this case.
    pub detail: String,
    /// Findings about fields.
    pub errors: Vec<Violation>,
    /// Further members, such as the first redemption.
    pub members: Map<String, Value>,
    /// Seconds to wait before another try.
    pub retry_after: Option<i64>,
}

impl Problem {
    /// A problem with its detail.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        let retry_after = (code == Code::Unavailable).then_some(1);
        Self {
            code,
            detail: detail.into(),
            errors: Vec::new(),
            members: Map::new(),
            retry_after,
        }
    }

    /// Fields are wrong.
    pub fn invalid(errors: Vec<Violation>) -> Self {
        let detail = match errors.as_slice() {
            [one] => format!("{}: {}", one.pointer, one.detail),
            many => format!("{} fields are wrong, see errors", many.len()),
        };
        Self {
            errors,
            ..Self::new(Code::Invalid, detail)
        }
    }

    /// Adds a member.
    #[must_use]
    pub fn with(mut self, name: &str, value: Value) -> Self {
        self.members.insert(name.to_owned(), value);
        self
    }

    /// Sets the seconds to wait before another try.
    #[must_use]
    pub fn retry_after(mut self, seconds: i64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// The problem document.
    pub fn document(&self, request_id: &str) -> Value {
        let mut document = self.members.clone();
        document.insert("type".to_owned(), json!(format!("/docs#{}", self.code.as_str())));
        document.insert("title".to_owned(), json!(self.code.title()));
        document.insert("status".to_owned(), json!(self.code.status()));
        document.insert("detail".to_owned(), json!(self.detail));
        document.insert("code".to_owned(), json!(self.code.as_str()));
        document.insert("request_id".to_owned(), json!(request_id));
        if !self.errors.is_empty() {
            document.insert("errors".to_owned(), json!(self.errors));
        }
        Value::Object(document)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        if matches!(error, StoreError::Erased(_)) {
            Self::new(Code::PartyErased, "the party was erased")
        } else if error.is_transient() {
            tracing::warn!(%error, "the table did not answer in time");
            Self::new(Code::Unavailable, "the books are busy: repeat the same call")
        } else {
            tracing::error!(%error, "the table refused a call");
            Self::new(Code::Internal, "the call could not be finished")
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let detail = refusal.to_string();
        match refusal {
            Refusal::AlreadyRedeemed { receipt, at } => Self::new(Code::VoucherRedeemed, detail).with(
                "redemption",
                json!({"location": receipt.store, "till": receipt.till, "business_date": receipt.business_date, "at": at}),
            ),
            Refusal::Reserved { until } => Self::new(Code::VoucherReserved, detail).with("until", json!(until)),
            Refusal::NotHeld => Self::new(Code::VoucherNotHeld, detail),
            Refusal::NotYetValid { from } => Self::new(Code::VoucherNotYetValid, detail).with("valid_from", json!(from)),
            Refusal::Expired { until } => Self::new(Code::VoucherExpired, detail).with("valid_until", json!(until)),
            Refusal::Blocked => Self::new(Code::VoucherBlocked, detail),
            Refusal::Voided { at } => Self::new(Code::VoucherVoided, detail).with("voided_at", json!(at)),
            Refusal::PaidWith => Self::new(Code::VoucherPaidWith, detail),
            Refusal::OtherProgramme => Self::new(Code::VoucherOtherProgramme, detail),
            Refusal::BasketTooSmall { min_basket_minor, currency } => Self::new(Code::BasketTooSmall, detail)
                .with("min_basket", json!({"amount_minor": min_basket_minor, "currency": currency})),
            Refusal::OtherLocation => Self::new(Code::VoucherOtherLocation, detail),
            Refusal::NoCustomer => Self::new(Code::VoucherNeedsCustomer, detail),
            Refusal::OtherCustomer => Self::new(Code::VoucherOtherCustomer, detail),
            Refusal::GoodsNotNamed => Self::new(Code::VoucherNeedsGoods, detail),
            Refusal::GoodsTooFew { goods_minor, currency } => Self::new(Code::VoucherGoodsTooFew, detail)
                .with("goods", json!({"amount_minor": goods_minor, "currency": currency})),
            Refusal::NotYetConfirmed => Self::new(Code::VoucherNotYetConfirmed, detail),
            Refusal::Reversed => Self::new(Code::VoucherReversed, detail),
            Refusal::NotRedeemed => Self::new(Code::VoucherNotRedeemed, detail),
            Refusal::TooManyReversals => Self::new(Code::VoucherReversalsExhausted, detail),
            Refusal::NotInParts => Self::new(Code::VoucherNotInParts, detail),
            Refusal::RestTooSmall { rest_minor, currency } => Self::new(Code::VoucherRestTooSmall, detail)
                .with("rest", json!({"amount_minor": rest_minor, "currency": currency})),
            Refusal::OtherPart { amount_minor, currency } => Self::new(Code::VoucherOtherPart, detail)
                .with("taken", json!({"amount_minor": amount_minor, "currency": currency})),
            Refusal::TooManyParts => Self::new(Code::VoucherPartsExhausted, detail),
            Refusal::PartlyRedeemed => Self::new(Code::VoucherPartlyRedeemed, detail),
            Refusal::NotBlocked => Self::new(Code::VoucherNotBlocked, detail),
            Refusal::NotExtended { until } => Self::new(Code::VoucherNotExtended, detail).with("valid_until", json!(until)),
            Refusal::Reissued { number } => Self::new(Code::VoucherReissued, detail).with("reissued_as", json!(number.to_string())),
            Refusal::TooManyReissues => Self::new(Code::VoucherReissuesExhausted, detail),
        }
    }
}

impl From<adjustment::Refusal> for Problem {
    fn from(refusal: adjustment::Refusal) -> Self {
        let code = match refusal {
            adjustment::Refusal::OwnRequest => Code::ApprovalByAuthor,
            adjustment::Refusal::Rejected { .. } => Code::AdjustmentRejected,
            adjustment::Refusal::Posted { .. } => Code::AdjustmentPosted,
        };
        Self::new(code, refusal.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_says_what_where_and_what_to_do() {
        let violation = Violation::new("/lines/0/amount/amount_minor", "amount_out_of_range", "must be 0 to 10");
        let document = Problem::invalid(vec![violation]).document("r-1");
        assert_eq!(document["status"], 422);
        assert_eq!(document["code"], "invalid");
        assert_eq!(document["request_id"], "r-1");
        assert_eq!(document["errors"][0]["pointer"], "/lines/0/amount/amount_minor");
        assert_eq!(document["detail"], "/lines/0/amount/amount_minor: must be 0 to 10");
    }

    #[test]
    fn a_code_is_lower_case_and_means_one_thing() {
        let mut texts: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert!(
            texts
                .iter()
                .all(|t| t.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))
        );
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len(), Code::ALL.len());
    }

    #[test]
    fn a_lost_answer_asks_for_the_same_call_again() {
        let problem = Problem::from(StoreError::Unknown(faults_site()));
        assert_eq!((problem.code, problem.retry_after), (Code::Unavailable, Some(1)));
    }

    fn faults_site() -> store::Site {
        store::Site::ToolRead
    }
}
