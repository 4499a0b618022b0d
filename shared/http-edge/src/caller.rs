//! Who calls, and what they may.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use domain::id::{ClientId, LocationId, Subject, Tenant};
use serde::{Deserialize, Serialize};
use store::{By, Made};

use crate::problem::{Code, Problem};

macro_rules! scopes {
    ($(#[doc = $what:literal] $name:ident = $text:literal,)*) => {
        /// A right that an API key or an operator's token can carry.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub enum Scope {
            $(#[doc = $what] $name,)*
        }

        impl Scope {
            /// Every scope.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The scope as it stands in keys and tokens.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }

        impl Scope {
            /// What the scope allows, one sentence for people.
            pub const fn what(self) -> &'static str {
                match self { $(Self::$name => $what.trim_ascii(),)* }
            }
        }

        impl FromStr for Scope {
            type Err = UnknownScope;

            fn from_str(text: &str) -> Result<Self, UnknownScope> {
                match text { $($text => Ok(Self::$name),)* _ => Err(UnknownScope) }
            }
        }
    };
}

scopes! {
    /// Send receipts.
    PurchasesWrite = "purchases:write",
    /// Send receipts of any age.
    PurchasesMigrate = "purchases:migrate",
    /// Read receipts.
    PurchasesRead = "purchases:read",
    /// Assign receipts to cards.
    PurchasesClaim = "purchases:claim",
    /// Check, reserve, redeem, release and reverse vouchers.
    VouchersRedeem = "vouchers:redeem",
    /// Read the voucher feed, codes included.
    VouchersFeed = "vouchers:feed",
    /// Look up customers at the cash desk.
    CashDeskRead = "cash-desk:read",
    /// Read parties.
    PartiesRead = "parties:read",
    /// Store parties.
    PartiesWrite = "parties:write",
    /// Issue, register, replace and block cards.
    CardsWrite = "cards:write",
    /// Read what was moved of points by hand.
    PointsRead = "points:read",
    /// Correct and transfer points, and void vouchers.
    PointsAdjust = "points:adjust",
    /// Block, unblock, extend and reissue vouchers.
    VouchersWrite = "vouchers:write",
    /// Approve and reject what others move of points by hand.
    PointsApprove = "points:approve",
    /// Send orders, invoices and payments.
    ErpWrite = "erp:write",
    /// Read tasks, cases, communication, opportunities and all of a party at once.
    DeskRead = "desk:read",
    /// Work on tasks and cases, keep communication, leads and opportunities.
    DeskWrite = "desk:write",
    /// Read locations.
    LocationsRead = "locations:read",
    /// Add and close locations.
    LocationsWrite = "locations:write",
    /// Read programmes.
    ProgrammesRead = "programmes:read",
    /// Store versions of programmes.
    ProgrammesWrite = "programmes:write",
    /// Approve recalculations that somebody else asked for.
    ProgrammesApprove = "programmes:approve",
    /// Read figures.
    ReportsRead = "reports:read",
    /// Read the books of a month.
    FinanceRead = "finance:read",
    /// Run the books of a month again.
    FinanceRun = "finance:run",
    /// Read campaigns, their runs and members.
    CampaignsRead = "campaigns:read",
    /// Store campaigns, try, start and close them, and say what is agreed on with the printer.
    CampaignsWrite = "campaigns:write",
    /// Approve campaigns that somebody else wrote.
    CampaignsApprove = "campaigns:approve",
    /// Fetch the printer's files, confirm them, and report letters that came back.
    LettershopPull = "lettershop:pull",
    /// Read imports of files, and what they rejected.
    ImportsRead = "imports:read",
    /// Walk through the file of an import again.
    ImportsRun = "imports:run",
    /// Make a signed statement of everything that is stored about a party, and read requests of erasure.
    PrivacyRead = "privacy:read",
    /// Ask for the erasure of a party, and take it back.
    PrivacyWrite = "privacy:write",
    /// Approve erasures that somebody else asked for.
    PrivacyApprove = "privacy:approve",
    /// Read what does not match and what contradicts.
    OperationsRead = "operations:read",
    /// Manage clients and their keys.
    ClientsAdmin = "clients:admin",
}

/// A text that names no scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownScope;

impl fmt::Display for UnknownScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is no such scope")
    }
}

impl std::error::Error for UnknownScope {}

impl TryFrom<String> for Scope {
    type Error = UnknownScope;

    fn try_from(text: String) -> Result<Self, UnknownScope> {
        text.parse()
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> Self {
        scope.as_str().to_owned()
    }
}

/// The locations a caller speaks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Locations {
    /// All of the tenant's.
    All,
    /// Only these.
    Only(BTreeSet<LocationId>),
}

impl Locations {
    /// As the authorizer's context carries them: `*`, or ids joined by spaces.
    pub fn to_context(&self) -> String {
        match self {
            Self::All => "*".to_owned(),
            Self::Only(ids) => ids.iter().map(LocationId::as_str).collect::<Vec<_>>().join(" "),
        }
    }

    fn from_context(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::All);
        }
        text.split_whitespace()
            .map(|id| id.parse().ok())
            .collect::<Option<_>>()
            .map(Self::Only)
    }
}

/// Who calls: what the authorizer found out, carried in the request's context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Whose data.
    pub tenant: Tenant,
    /// The calling machine, or the client through which an operator came.
    pub client: ClientId,
    /// Who is answerable: the operator, or the client itself.
    pub subject: Subject,
    /// What it may.
    pub scopes: BTreeSet<Scope>,
    /// For which locations.
    pub locations: Locations,
}

impl Caller {
    /// Reads the caller from the authorizer's context: five strings. `None` when one is missing or malformed, which the
    /// function must treat as no caller at all.
    pub fn from_context(field: impl Fn(&str) -> Option<String>) -> Option<Self> {
        Some(Self {
            tenant: field("tenant")?.parse().ok()?,
            client: field("client")?.parse().ok()?,
            subject: field("subject")?.parse().ok()?,
            // Unknown scopes grant nothing.
            scopes: field("scopes")?
                .split_whitespace()
                .filter_map(|s| s.parse().ok())
                .collect(),
            locations: Locations::from_context(&field("locations")?)?,
        })
    }

    /// The context that [`Caller::from_context`] reads.
    pub fn to_context(&self) -> [(&'static str, String); 5] {
        let scopes: Vec<_> = self.scopes.iter().map(|scope| scope.as_str()).collect();
        [
            ("tenant", self.tenant.to_string()),
            ("client", self.client.to_string()),
            ("subject", self.subject.to_string()),
            ("scopes", scopes.join(" ")),
            ("locations", self.locations.to_context()),
        ]
    }

    /// What a change made at `now` for this caller is stored with.
    pub fn made(&self, now: DateTime<Utc>) -> Made {
        Made {
            at: now,
            by: Some(By {
                client: self.client.clone(),
                subject: self.subject.clone(),
            }),
        }
    }

    /// Whether the caller has `scope`.
    pub fn has(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }

    /// The subject of a person who signed in. A key's subject is its client: who holds the key is not known, and may be the
    /// very person whose request is to be approved.
    ///
    /// # Errors
    /// [`Code::PersonNeeded`].
    pub fn person(&self) -> Result<&Subject, Problem> {
        if self.subject.as_str() == self.client.as_str() {
            let detail = "an API key cannot approve: sign in as an operator";
            return Err(Problem::new(Code::PersonNeeded, detail));
        }
        Ok(&self.subject)
    }

    /// Insists on `scope`.
    ///
    /// # Errors
    /// [`Code::ScopeMissing`].
    pub fn require(&self, scope: Scope) -> Result<(), Problem> {
        if self.has(scope) {
            return Ok(());
        }
        Err(Problem::new(
            Code::ScopeMissing,
            format!("this call needs the scope {}", scope.as_str()),
        ))
    }

    /// Insists that the caller speaks for `location`.
    ///
    /// # Errors
    /// [`Code::LocationForbidden`].
    pub fn at(&self, location: &LocationId) -> Result<(), Problem> {
        let allowed = match &self.locations {
            Locations::All => true,
            Locations::Only(ids) => ids.contains(location),
        };
        if allowed {
            return Ok(());
        }
        Err(Problem::new(
            Code::LocationForbidden,
            "this key does not speak for the location: use the key of the location's middleware",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller() -> Caller {
        Caller {
            tenant: "demo".parse().unwrap(),
            client: "pos".parse().unwrap(),
            subject: "pos".parse().unwrap(),
            scopes: [Scope::PurchasesWrite, Scope::CashDeskRead].into(),
            locations: Locations::Only(["B01".parse().unwrap(), "B02".parse().unwrap()].into()),
        }
    }

    #[test]
    fn a_caller_survives_the_authorizers_context() {
        let context = caller().to_context();
        let field = |name: &str| {
            context
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| value.clone())
        };
        assert_eq!(Caller::from_context(field), Some(caller()));
        assert_eq!(
            Caller::from_context(|name| field(name).filter(|_| name != "tenant")),
            None
        );
    }

    #[test]
    fn a_missing_scope_and_a_foreign_location_are_refused() {
        assert!(caller().require(Scope::PurchasesWrite).is_ok());
        assert_eq!(
            caller().require(Scope::ClientsAdmin).unwrap_err().code,
            Code::ScopeMissing
        );
        assert!(caller().at(&"B01".parse().unwrap()).is_ok());
        assert_eq!(
            caller().at(&"B03".parse().unwrap()).unwrap_err().code,
            Code::LocationForbidden
        );
    }
}
