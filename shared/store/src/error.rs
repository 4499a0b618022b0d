//! Errors of the table, sorted by what the caller may do about them.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use faults::{Injected, Site};

/// A call to the table did not succeed. No variant carries a key or an item: they may lead to a person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Definitely not applied, and worth another try later: throttled, or in conflict with another writer.
    #[error("the table is busy at {}: try again", .0.name())]
    Busy(Site),
    /// Nobody knows whether it was applied: repeat with the same keys.
    #[error("no answer from the table at {}: repeat the call", .0.name())]
    Unknown(Site),
    /// Will fail again in the same way.
    #[error("the table refused the call at {} with {code}", site.name())]
    Refused {
        /// Where.
        site: Site,
        /// The service's error code.
        code: String,
    },
    /// An item does not have the shape that the code expects.
    #[error("an item read at {} cannot be understood: {reason}", site.name())]
    Unreadable {
        /// Where.
        site: Site,
        /// What is wrong, without the item's values.
        reason: String,
    },
}

impl StoreError {
    /// Whether the same call may succeed later.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Busy(_) | Self::Unknown(_))
    }
}

/// What kind of failure a code names.
pub(crate) fn from_code(site: Site, code: &str) -> StoreError {
    match code {
        "ProvisionedThroughputExceeded"
        | "ProvisionedThroughputExceededException"
        | "ThrottlingError"
        | "ThrottlingException"
        | "RequestLimitExceeded"
        | "TransactionConflict"
        | "TransactionConflictException"
        | "TransactionInProgressException"
        | "ReplicatedWriteConflictException" => StoreError::Busy(site),
        "InternalServerError" | "InternalFailure" | "ServiceUnavailable" => StoreError::Unknown(site),
        other => StoreError::Refused {
            site,
            code: other.to_owned(),
        },
    }
}

pub(crate) fn from_sdk<E: ProvideErrorMetadata, R>(site: Site, error: &SdkError<E, R>) -> StoreError {
    match error {
        // The request never left, for lack of credentials or because it cannot be built.
        SdkError::ConstructionFailure(_) => StoreError::Refused {
            site,
            code: "ConstructionFailure".to_owned(),
        },
        SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_) => {
            StoreError::Unknown(site)
        }
        // An answer without a code comes from something between us and the service.
        SdkError::ServiceError(service) => service
            .err()
            .code()
            .map_or(StoreError::Unknown(site), |code| from_code(site, code)),
        _ => StoreError::Unknown(site),
    }
}

pub(crate) fn from_injected(site: Site, injected: Injected) -> StoreError {
    match injected {
        Injected::Throttle | Injected::Conflict => StoreError::Busy(site),
        Injected::Timeout => StoreError::Unknown(site),
    }
}
