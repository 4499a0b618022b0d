//! Shapes of the domain's values in bodies. The domain knows nothing of HTTP; its values are described here.
//!
//! The compiler holds an enum to its model: a value added there does not compile until it is described here.

/// An amount of money.
#[derive(Debug, utoipa::ToSchema)]
#[schema(example = json!({"amount_minor": 1_295, "currency": "CHF"}))]
pub struct Money {
    /// Minor units (Rappen, cents); the currency says how many decimals they are.
    pub amount_minor: i64,
    /// ISO 4217 code.
    #[schema(value_type = Currency)]
    pub currency: String,
}

/// An ISO 4217 code of three capital letters.
#[derive(Debug, utoipa::ToSchema)]
#[schema(example = "CHF", pattern = "^[A-Z]{3}$")]
pub struct Currency(pub String);

macro_rules! mirror {
    ($(#[doc = $doc:literal])* $name:ident of $model:path { $($(#[doc = $what:literal])* $variant:ident,)* }) => {
        $(#[doc = $doc])*
        #[derive(Debug, serde::Serialize, utoipa::ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $($(#[doc = $what])* $variant,)*
        }

        const _: () = {
            use $model as Model;

            impl From<Model> for $name {
                fn from(model: Model) -> Self {
                    match model {
                        $(Model::$variant => Self::$variant,)*
                    }
                }
            }
        };
    };
}

mirror! {
    /// How part of a receipt was paid: in cash, with a debit or credit card, with a voucher of the programme, with a gift
    /// card, on account, or otherwise.
    PaymentKind of domain::receipt::PaymentKind { Cash, Card, Voucher, GiftCard, Invoice, Other, }
}
mirror! {
    /// Why a line earns (`base_rate`, or `multiplied` by rules) or does not (`excluded_group`, `excluded_by_rule`).
    LineReason of domain::earning::LineReason { BaseRate, ExcludedGroup, ExcludedByRule, Multiplied, }
}
mirror! {
    /// Whether points are for amounts with VAT or without.
    Basis of domain::earning::Basis { Gross, Net, }
}
mirror! {
    /// What several multipliers of one line come to: the greatest, or the sum of what each adds.
    Stacking of domain::earning::Stacking { Highest, Add, }
}
mirror! {
    /// How often a bonus is given: once for a receipt, or for each whole piece, kilogram or metre of the lines that fit.
    Per of domain::earning::Per { Receipt, Piece, }
}
mirror! {
    /// The cap that took points.
    Capped of domain::earning::Capped { Receipt, Day, }
}
mirror! {
    /// What a return may take when its points are spent: only points that do not count yet, down to a balance of 0, or
    /// everything, so that the account owes what is not there.
    ReturnPolicy of domain::programme::ReturnPolicy { OnlyPending, WithinBalance, Unlimited, }
}
mirror! {
    /// Language of printed texts.
    Language of domain::till_text::Language { De, Fr, It, En, }
}
mirror! {
    /// What a card can do: nothing yet, lead to a party, nothing for now, lead to a party from its replacement's place, or
    /// nothing for ever.
    CardStatus of domain::card::CardStatus { Unregistered, Active, Blocked, Replaced, Erased, }
}
mirror! {
    /// Why a card is blocked.
    BlockReason of store::card::BlockReason { Lost, Stolen, Misused, Other, }
}
mirror! {
    /// What does not match: redeemed and no receipt names it, or a receipt names it and it is not redeemed there.
    UnmatchedKind of domain::voucher::Unmatched { RedemptionWithoutReceipt, PaymentWithoutRedemption, OtherAmount, }
}
mirror! {
    /// How a location sells.
    LocationKind of domain::location::LocationKind { Branch, Shop, }
}
mirror! {
    /// Why a case needs a look: a stored receipt was sent again with other content, a receipt names a voucher that does not
    /// exist, two receipts name the same voucher, a stored return was sent again with other content, more came back than is
    /// left of the receipt, or a return names neither a receipt nor a card that leads to an account.
    ExceptionKind of store::exception::ExceptionKind {
        ReceiptContradiction, PaymentUnknownVoucher, PaymentOnSecondReceipt, ReturnContradiction, ReturnExceedsReceipt,
        ReturnWithoutAccount,
    }
}

mirror! {
    /// Who bears a loss: the branch that took the voucher, or the company as a whole.
    Bearer of domain::offline::Bearer { Branch, Company, }
}
mirror! {
    /// What became of an entry of a journal: the voucher is redeemed on its receipt, it is not, or the sale was voided meanwhile.
    OfflineOutcome of domain::offline::Outcome { Booked, Lost, Reversed, }
}
mirror! {
    /// How an entry breaks its allowance: its instant is outside of the signed window, the journal came after the programme's
    /// days, the voucher is over the limit of one, or all together over that of the day.
    Breach of domain::offline::Breach { OutsideWindow, TooLate, OverVoucherLimit, OverLimit, }
}
mirror! {
    /// Why an entry is lost: redeemed at another location first, redeemed at this one on another receipt, no such code, held by a
    /// basket, blocked, voided, its holder stopped, its letters not confirmed, not valid yet, expired, of another programme, of a
    /// campaign of other locations, the basket too small, personal and no card named, personal and another customer's card, for
    /// goods that the entry does not name, more given than its face value or its share (that much is lost), or refused otherwise.
    LossReason of domain::offline::LossReason {
        RedeemedElsewhere, RedeemedHere, UnknownCode, Reserved, Blocked, Voided, HolderStopped, NotYetConfirmed, NotYetValid,
        Expired, OtherProgramme, OtherLocation, BasketTooSmall, NoCustomer, OtherCustomer, NoGoods, MoreThanFace, NotTaken,
    }
}

/// What a rule does where its condition holds.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Effect {
    /// The line earns nothing.
    Exclude,
    /// The line counts with so many per cent: 200 for double points.
    Multiply {
        /// 0 to 10000.
        percent: u32,
    },
    /// Points beside those of the base, when a line that counts fits.
    Bonus {
        /// 1 to 1000000.
        points: i64,
        /// How often; once for a receipt when absent.
        #[schema(required = false)]
        per: Per,
    },
}

impl From<domain::earning::Effect> for Effect {
    fn from(model: domain::earning::Effect) -> Self {
        use domain::earning::Effect as Model;
        match model {
            Model::Exclude => Self::Exclude,
            Model::Multiply { percent } => Self::Multiply { percent },
            Model::Bonus { points, per } => Self::Bonus {
                points,
                per: per.into(),
            },
        }
    }
}

/// The last day of points, counted from the business date of their receipt.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
#[serde(tag = "rule", rename_all = "snake_case")]
pub enum Expiry {
    /// They never expire.
    Never,
    /// The same day some months later; the last day of a month that is too short.
    Months {
        /// 1 to 120.
        months: u32,
    },
    /// The last day of the month that lies some months later.
    EndOfMonth {
        /// 0 to 120.
        months: u32,
    },
    /// 31 December of the year that lies some years later.
    EndOfYear {
        /// 0 to 10.
        years: u32,
    },
}

impl From<domain::programme::Expiry> for Expiry {
    fn from(model: domain::programme::Expiry) -> Self {
        use domain::programme::Expiry as Model;
        match model {
            Model::Never => Self::Never,
            Model::Months { months } => Self::Months { months },
            Model::EndOfMonth { months } => Self::EndOfMonth { months },
            Model::EndOfYear { years } => Self::EndOfYear { years },
        }
    }
}

/// A right that a key or token can carry.
#[derive(Debug)]
pub struct Scope;

impl utoipa::PartialSchema for Scope {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        let names: Vec<_> = crate::Scope::ALL.iter().map(|scope| scope.as_str()).collect();
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .description(Some("A right that a key or token can carry."))
            .enum_values(Some(names))
            .into()
    }
}

impl utoipa::ToSchema for Scope {}
