//! The document of a campaign.

use chrono::NaiveDate;
use domain::id::ProgrammeId;
use domain::till_text::Language;
use serde::{Deserialize, Serialize};

use crate::template::VoucherTemplate;

/// A campaign, as it is stored and edited. Whether it makes sense says [`Campaign::violations`]; how far it has come is kept
/// beside it, as [`Standing`](crate::Standing).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Campaign {
    /// 1 to 40 lower-case letters, digits and `-`; unique in the programme, and never given again.
    pub id: String,
    /// For people, 1 to 80 printable characters.
    pub name: String,
    /// The programme whose members it looks at and in which its vouchers are taken.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub programme: ProgrammeId,
    /// What it is for.
    pub kind: Kind,
    /// Who belongs to it: a condition in CEL over the fields of [`SCHEMA`](crate::SCHEMA). Everybody, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segment: Option<String>,
    /// What each member gets.
    pub voucher: VoucherTemplate,
    /// What the letter says.
    pub texts: Texts,
    /// The printer's name of the letter's layout: 1 to 40 lower-case letters, digits and `-`.
    pub letter_variant: String,
    /// The printer's name of what is put into the envelope beside the letter, of the same shape; nothing, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enclosure: Option<String>,
    /// Most face value of one run, in minor units; unlimited, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_minor: Option<i64>,
    /// What becomes of a run whose vouchers would go beyond it.
    #[serde(default, skip_serializing_if = "BudgetRule::is_default")]
    pub budget_rule: BudgetRule,
    /// Per cent of the chosen members that get nothing, so that the effect can be measured: 0 to 50.
    #[serde(default)]
    pub control_per_cent: u32,
    /// Whether only the first member of a household is served.
    #[serde(default)]
    pub one_per_household: bool,
    /// Whether its vouchers can be redeemed only once the printer has acknowledged their letters.
    #[serde(default)]
    pub needs_acknowledgement: bool,
    /// Least RFMR score of a member that is written to; without it the score is not looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rfmr_minimum: Option<i64>,
    /// What one letter costs.
    pub letter_cost: LetterCost,
    /// When it runs.
    pub schedule: Schedule,
}

/// What a campaign is for. It decides in which period a member is served once, see [`Campaign::period`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Kind {
    /// Once for each month; monthly.
    Bonus {},
    /// Once for each birthday; daily.
    Birthday {
        /// Least revenue in minor units within the window; a member at the floor is served.
        floor_minor: i64,
        /// Length of the window in calendar months that end with the current one: 1 to 36.
        window_months: u32,
        /// How long before the birthday the file must be out.
        lead: Lead,
        /// When a birthday of 29 February is in other years.
        #[serde(default)]
        leap_day: LeapDay,
    },
    /// Once in the life of the campaign; on one day, or monthly for those who have come to belong to it.
    Individual {},
}

/// Time that printer and post need.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Lead {
    /// Working days from the file to the post, 0 to 40.
    pub printer_working_days: u32,
    /// Working days from the post to the letter box, 0 to 40.
    pub post_working_days: u32,
    /// Name of the calendar that says which days are working days.
    pub calendar: String,
}

/// When somebody born on 29 February has a birthday in a year without that day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum LeapDay {
    /// On 28 February: the letter comes early rather than late.
    #[default]
    Feb28,
    /// On 1 March.
    Mar1,
}

/// Texts of the letter by language: one line of 1 to 1000 printable characters each, in which `{salutation}`, `{value}`,
/// `{valid_until}` and `{points}` are replaced; the points are those that the vouchers leave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Texts {
    /// German, also for members of languages without a text.
    pub de: String,
    /// French.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fr: Option<String>,
    /// Italian.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub it: Option<String>,
    /// English.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub en: Option<String>,
}

impl Texts {
    /// The text for a member of this language, and the language it is in.
    pub fn of(&self, language: Language) -> (Language, &str) {
        let text = match language {
            Language::De => None,
            Language::Fr => self.fr.as_deref(),
            Language::It => self.it.as_deref(),
            Language::En => self.en.as_deref(),
        };
        text.map_or((Language::De, &*self.de), |text| (language, text))
    }

    /// The texts that there are.
    pub(crate) fn all(&self) -> impl Iterator<Item = (Language, &str)> {
        let others = [
            (Language::Fr, &self.fr),
            (Language::It, &self.it),
            (Language::En, &self.en),
        ];
        let others = others
            .into_iter()
            .filter_map(|(language, text)| text.as_deref().map(|text| (language, text)));
        std::iter::once((Language::De, &*self.de)).chain(others)
    }
}

/// What becomes of a run whose vouchers would go beyond the budget.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum BudgetRule {
    /// It is not made, and its dry run says by how much it would.
    #[default]
    Refuse,
    /// Members are left out for whom nothing is left. Which ones depends on the order in which the table is walked through, which has
    /// nothing to do with them; a few vouchers' worth may stay unspent.
    LeaveOut,
}

impl BudgetRule {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde calls")]
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// What one letter costs, in minor units of the programme's currency.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LetterCost {
    /// Paper, printing and enclosing.
    pub printing_minor: i64,
    /// Postage.
    pub postage_minor: i64,
}

/// When a campaign runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Schedule {
    /// On one business day.
    Once {
        /// That day.
        on: NaiveDate,
    },
    /// On this day of each month.
    Monthly {
        /// 1 to 28, so that every month has it.
        day: u32,
    },
    /// On every day; those without a birthday to serve have nothing to do.
    Daily {},
}
