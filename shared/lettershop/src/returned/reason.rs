//! Why a letter came back.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a letter came back. Carriers have their own codes; [`super::CarrierMap`] translates them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ReturnReason))]
pub enum Reason {
    /// Moved, and the carrier says where to.
    MovedNewAddress,
    /// Moved, nobody knows where to.
    MovedUnknown,
    /// Nobody of that name lives there.
    UnknownAtAddress,
    /// The address lacks something, such as the house number.
    AddressIncomplete,
    /// There is no such address.
    NoSuchAddress,
    /// The addressee does not take it.
    Refused,
    /// It lay at the post office and nobody came.
    NotCollected,
    /// The addressee has died.
    Deceased,
    /// The company no longer exists.
    CompanyGone,
    /// The addressee has moved, and the order to forward has run out.
    ForwardingExpired,
    /// Anything else.
    Other,
}

/// A text that names no reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no reason of a return")]
pub struct InvalidReason;

impl Reason {
    /// All reasons.
    pub const ALL: [Self; 11] = [
        Self::MovedNewAddress,
        Self::MovedUnknown,
        Self::UnknownAtAddress,
        Self::AddressIncomplete,
        Self::NoSuchAddress,
        Self::Refused,
        Self::NotCollected,
        Self::Deceased,
        Self::CompanyGone,
        Self::ForwardingExpired,
        Self::Other,
    ];

    /// As bodies and files name it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MovedNewAddress => "moved_new_address",
            Self::MovedUnknown => "moved_unknown",
            Self::UnknownAtAddress => "unknown_at_address",
            Self::AddressIncomplete => "address_incomplete",
            Self::NoSuchAddress => "no_such_address",
            Self::Refused => "refused",
            Self::NotCollected => "not_collected",
            Self::Deceased => "deceased",
            Self::CompanyGone => "company_gone",
            Self::ForwardingExpired => "forwarding_expired",
            Self::Other => "other",
        }
    }

    /// Whether it says something about the address only. The others say something about the addressee, whatever the address.
    pub const fn is_about_address(self) -> bool {
        match self {
            Self::MovedNewAddress
            | Self::MovedUnknown
            | Self::UnknownAtAddress
            | Self::AddressIncomplete
            | Self::NoSuchAddress
            | Self::NotCollected
            | Self::ForwardingExpired => true,
            Self::Refused | Self::Deceased | Self::CompanyGone | Self::Other => false,
        }
    }
}

impl FromStr for Reason {
    type Err = InvalidReason;

    fn from_str(text: &str) -> Result<Self, InvalidReason> {
        let found = Self::ALL.into_iter().find(|reason| reason.as_str() == text);
        found.ok_or(InvalidReason)
    }
}
