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
    /// Why a line earns (`base_rate`) or does not (`excluded_group`).
    LineReason of domain::earning::LineReason { BaseRate, ExcludedGroup, }
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
    UnmatchedKind of domain::voucher::Unmatched { RedemptionWithoutReceipt, PaymentWithoutRedemption, }
}
mirror! {
    /// How a location sells.
    LocationKind of domain::location::LocationKind { Branch, Shop, }
}
mirror! {
    /// Why a case needs a look: a stored receipt was sent again with other content, a receipt names a voucher that does not
    /// exist, or two receipts name the same voucher.
    ExceptionKind of store::exception::ExceptionKind {
        ReceiptContradiction, PaymentUnknownVoucher, PaymentOnSecondReceipt,
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
