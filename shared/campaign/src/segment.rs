//! What the condition of a segment can read.
//!
//! Fields may be added; a field must never change its type or go away, because stored campaigns read it.

use chrono::{Datelike, NaiveDate};
use conditions::{Fact, Facts, Field, Schema, Texts, Type};

use crate::birthday::implausible;
use crate::subject::Subject;

/// Most texts of a list that a condition looks at.
const TEXTS_MAX: u32 = 60;

/// What a segment is checked against.
pub const SCHEMA: Schema = Schema::new(FIELDS, TEXTS_MAX);

/// The facts of one member on one day, made once.
#[derive(Debug)]
pub(crate) struct Facing<'a> {
    of: &'a Subject,
    age: Option<i64>,
    birth_month: Option<i64>,
    customer_since_days: Option<i64>,
}

impl<'a> Facing<'a> {
    /// A birth date that is not believed reads as unset.
    pub(crate) fn new(subject: &'a Subject, today: NaiveDate, placeholders: &[NaiveDate]) -> Self {
        let believed = |born: &NaiveDate| implausible(*born, today, placeholders).is_none();
        let born = subject.birth_date.filter(believed);
        let since = |day: NaiveDate| today.signed_duration_since(day).num_days().max(0);
        Self {
            of: subject,
            age: born.and_then(|born| today.years_since(born)).map(i64::from),
            birth_month: born.map(|born| i64::from(born.month())),
            customer_since_days: subject.customer_since.map(since),
        }
    }
}

/// Declares the fields together with where each is read from, so that neither can be forgotten.
macro_rules! fields {
    ($($text:literal $kind:ident $read:expr, $doc:literal;)*) => {
        const FIELDS: &[Field] = &[$(Field { name: $text, kind: Type::$kind, doc: $doc },)*];

        type Reader = for<'a> fn(&'a Facing<'a>) -> Fact<'a>;

        const READERS: &[Reader] = &[$($read,)*];
    };
}

impl Facts for Facing<'_> {
    fn fact(&self, field: usize) -> Fact<'_> {
        READERS.get(field).map_or(Fact::Unset, |read| read(self))
    }
}

fn text(text: Option<&String>) -> Fact<'_> {
    text.map_or(Fact::Unset, |text| Fact::Text(text))
}

fn int(number: Option<i64>) -> Fact<'static> {
    number.map_or(Fact::Unset, Fact::Int)
}

fn texts(texts: &[String]) -> Fact<'_> {
    Fact::Texts(Texts::Owned(texts))
}

fields! {
    "party.kind" Text |it| Fact::Text(&it.of.kind), "`person` or `organisation`.";
    "party.gender" Text |it| text(it.of.gender.as_ref()), "`female`, `male` or `other`; unset when not known.";
    "party.language" Text |it| Fact::Text(it.of.language.as_str()), "`de`, `fr`, `it` or `en`.";
    "party.country" Text |it| text(it.of.country.as_ref()), "Country of the address for letters, such as `CH`; unset without one.";
    "party.postcode" Text |it| text(it.of.postcode.as_ref()), "Postcode of the address for letters, a text; unset without one.";
    "party.age" Int |it| int(it.age), "Age in full years; unset without a birth date that can be believed.";
    "party.birth_month" Int |it| int(it.birth_month), "Month of birth, 1 to 12; unset without a birth date that can be believed.";
    "party.customer_type" Text |it| text(it.of.customer_type.as_ref()), "One of the tenant's customer types; unset when not given.";
    "party.sales_channel" Text |it| text(it.of.sales_channel.as_ref()), "The sales channel through which the party came; unset when not given.";
    "party.classifications" Texts |it| texts(&it.of.classifications), "Classifications that stand, such as `blacklist`.";
    "party.roles" Texts |it| texts(&it.of.roles), "Types of the roles that stand, such as `customer`.";
    "party.lists" Texts |it| texts(&it.of.lists), "Contact lists that the party is on.";
    "party.customer_since_days" Int |it| int(it.customer_since_days), "Days since the first day as a customer; unset when not known.";
    "consent.letter" Text |it| Fact::Text(it.of.consents.letter.as_str()), "`granted`, `withdrawn` or `none` for letters.";
    "consent.email" Text |it| Fact::Text(it.of.consents.email.as_str()), "`granted`, `withdrawn` or `none` for e-mail.";
    "consent.sms" Text |it| Fact::Text(it.of.consents.sms.as_str()), "`granted`, `withdrawn` or `none` for text messages.";
    "consent.phone" Text |it| Fact::Text(it.of.consents.phone.as_str()), "`granted`, `withdrawn` or `none` for telephone calls.";
    "activity.revenue_minor_1m" Int |it| Fact::Int(it.of.activity.months_1.revenue_minor), "Revenue of the current calendar month, in minor units.";
    "activity.revenue_minor_2m" Int |it| Fact::Int(it.of.activity.months_2.revenue_minor), "Revenue of the current calendar month and the one before, in minor units.";
    "activity.revenue_minor_3m" Int |it| Fact::Int(it.of.activity.months_3.revenue_minor), "Revenue of three calendar months with the current one, in minor units.";
    "activity.revenue_minor_12m" Int |it| Fact::Int(it.of.activity.months_12.revenue_minor), "Revenue of twelve calendar months with the current one, in minor units.";
    "activity.revenue_minor_24m" Int |it| Fact::Int(it.of.activity.months_24.revenue_minor), "Revenue of 24 calendar months with the current one, in minor units.";
    "activity.revenue_minor_lifetime" Int |it| Fact::Int(it.of.activity.lifetime.revenue_minor), "Revenue of all months, in minor units.";
    "activity.receipts_1m" Int |it| Fact::Int(it.of.activity.months_1.receipts), "Receipts of the current calendar month.";
    "activity.receipts_2m" Int |it| Fact::Int(it.of.activity.months_2.receipts), "Receipts of the current calendar month and the one before.";
    "activity.receipts_3m" Int |it| Fact::Int(it.of.activity.months_3.receipts), "Receipts of three calendar months with the current one.";
    "activity.receipts_12m" Int |it| Fact::Int(it.of.activity.months_12.receipts), "Receipts of twelve calendar months with the current one.";
    "activity.receipts_24m" Int |it| Fact::Int(it.of.activity.months_24.receipts), "Receipts of 24 calendar months with the current one.";
    "activity.receipts_lifetime" Int |it| Fact::Int(it.of.activity.lifetime.receipts), "Receipts of all months.";
    "activity.days_since_last" Int |it| int(it.of.activity.days_since_last), "Days since the last purchase; unset when there was none.";
    "activity.average_basket_minor_12m" Int |it| int(it.of.activity.average_basket_minor), "Revenue of twelve months by their receipts, in minor units; unset without receipts.";
    "activity.stores_12m" Texts |it| texts(&it.of.activity.stores), "Locations bought at within twelve months; of more than 60 those with the greatest revenue.";
    "activity.main_store" Text |it| text(it.of.activity.main_store.as_ref()), "Location with the greatest revenue of twelve months; unset without revenue.";
    "activity.main_store_share" Int |it| int(it.of.activity.main_store_share), "Its share of the revenue of twelve months in whole per cent; unset without revenue.";
    "activity.shop_share" Int |it| int(it.of.activity.shop_share), "Share of online shops in the revenue of twelve months in whole per cent; unset without revenue.";
    "activity.groups_12m" Texts |it| texts(&it.of.activity.groups), "Product groups bought within twelve months; of more than 60 those with the greatest revenue.";
    "activity.main_group" Text |it| it.of.activity.main_group().map_or(Fact::Unset, Fact::Text), "Product group with the greatest revenue of twelve months; unset without revenue.";
    "points.balance" Int |it| Fact::Int(it.of.points_balance), "Points that can be spent.";
    "vouchers.open" Int |it| Fact::Int(it.of.vouchers_open), "Vouchers that can be redeemed.";
    "rfmr.score" Int |it| int(it.of.rfmr_score), "Score of the RFMR account; unset while there is none.";
}
