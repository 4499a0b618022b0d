//! Errors of the table, sorted by what the caller may do about them.

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use faults::{Injected, Site};

/// A call to the table did not succeed. No variant carries a key or an item: they may lead to a person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Worth another try later: throttled, or in conflict with another writer. The last try was not applied; an earlier
    /// try of the same call that was never answered may have been, so read before deciding anything else.
    #[error("the table is busy at {}: try again", .0.name())]
    Busy(Site),
    /// Nobody knows whether it was applied: repeat with the same keys.
    #[error("no answer from the table at {}: repeat the call", .0.name())]
    Unknown(Site),
    /// The party was erased: it is not there, and nothing brings it back.
    #[error("the party asked for at {} was erased", .0.name())]
    Erased(Site),
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
        | "ReplicatedWriteConflictException" => StoreError::Busy(site),
        // A transaction in progress is an earlier try of the same one.
        "TransactionInProgressException" | "InternalServerError" | "InternalFailure" | "ServiceUnavailable" => {
            StoreError::Unknown(site)
        }
        other => StoreError::Refused {
            site,
            code: other.to_owned(),
        },
    }
}

pub(crate) fn from_sdk<E: ProvideErrorMetadata>(site: Site, error: &SdkError<E, HttpResponse>) -> StoreError {
    match error {
        // The request never left, for lack of credentials or because it cannot be built.
        SdkError::ConstructionFailure(_) => StoreError::Refused {
            site,
            code: "ConstructionFailure".to_owned(),
        },
        SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_) => {
            StoreError::Unknown(site)
        }
        SdkError::ServiceError(service) => match service.err().code().map(|code| from_code(site, code)) {
            // The service's own failures and time-outs, whatever it calls them.
            Some(StoreError::Refused { .. }) if is_the_services_fault(service.raw().status().as_u16()) => {
                StoreError::Unknown(site)
            }
            Some(error) => error,
            // An answer without a code comes from something between us and the service.
            None => StoreError::Unknown(site),
        },
        _ => StoreError::Unknown(site),
    }
}

/// HTTP's 5xx, and 408 for a request that took too long to arrive.
fn is_the_services_fault(status: u16) -> bool {
    status >= 500 || status == 408
}

pub(crate) fn from_injected(site: Site, injected: Injected) -> StoreError {
    match injected {
        Injected::Throttle | Injected::Conflict => StoreError::Busy(site),
        Injected::Timeout => StoreError::Unknown(site),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_dynamodb::error::ErrorMetadata;
    use aws_sdk_dynamodb::operation::put_item::PutItemError;

    fn answered(status: u16, code: Option<&str>) -> StoreError {
        let mut metadata = ErrorMetadata::builder();
        metadata = code.into_iter().fold(metadata, |metadata, code| metadata.code(code));
        let status = status.try_into().expect("a status");
        let raw = HttpResponse::new(status, aws_smithy_types::body::SdkBody::empty());
        from_sdk(
            Site::ToolRead,
            &SdkError::service_error(PutItemError::generic(metadata.build()), raw),
        )
    }

    #[test]
    fn a_failure_of_the_service_is_unknown_whatever_it_is_called() {
        let unknown = StoreError::Unknown(Site::ToolRead);
        assert_eq!(answered(503, Some("SomethingNew")), unknown);
        assert_eq!(answered(408, Some("RequestTimeoutException")), unknown);
        assert_eq!(answered(502, None), unknown);
        assert_eq!(answered(400, Some("TransactionInProgressException")), unknown);
    }

    #[test]
    fn throttling_is_busy_and_a_bad_request_is_refused() {
        assert_eq!(
            answered(400, Some("ThrottlingException")),
            StoreError::Busy(Site::ToolRead)
        );
        assert!(matches!(
            answered(400, Some("ValidationException")),
            StoreError::Refused { .. }
        ));
    }
}
