//! Receipt handles: which receive of which message a request speaks of.

use super::error::SqsError;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// A handle as given out by one receive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReceiptHandle {
    pub(crate) queue_id: i64,
    pub(crate) message: i64,
    /// Differs at every receive; only the latest one acts on the message.
    pub(crate) receipt: String,
}

/// The first part of a decoded handle, so that text of another origin is recognised.
const FORM: &str = "r1";

impl ReceiptHandle {
    pub(crate) fn new(queue_id: i64, message: i64) -> Self {
        Self {
            queue_id,
            message,
            receipt: uuid::Uuid::new_v4().simple().to_string(),
        }
    }

    pub(crate) fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(format!("{FORM}:{}:{}:{}", self.queue_id, self.message, self.receipt))
    }

    /// Decodes a handle of the queue `queue_id`.
    pub(crate) fn decode(text: &str, queue_id: i64) -> Result<Self, SqsError> {
        let parsed = URL_SAFE_NO_PAD
            .decode(text)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok());
        let handle = parsed.as_deref().and_then(Self::parse);
        handle
            .filter(|handle| handle.queue_id == queue_id)
            .ok_or(SqsError::ReceiptHandleIsInvalid)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(':');
        let form = parts.next()?;
        let queue_id = parts.next()?.parse().ok()?;
        let message = parts.next()?.parse().ok()?;
        let receipt = parts.next()?.to_owned();
        (form == FORM && parts.next().is_none()).then_some(Self {
            queue_id,
            message,
            receipt,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_reads_back_for_its_queue_only() {
        let handle = ReceiptHandle::new(3, 42);
        assert_eq!(ReceiptHandle::decode(&handle.encode(), 3), Ok(handle.clone()));
        assert_eq!(
            ReceiptHandle::decode(&handle.encode(), 4),
            Err(SqsError::ReceiptHandleIsInvalid)
        );
        for text in [
            "",
            "x",
            "AAAA",
            &URL_SAFE_NO_PAD.encode("r1:3:42"),
            &URL_SAFE_NO_PAD.encode("r1:3:42:a:b"),
        ] {
            assert_eq!(
                ReceiptHandle::decode(text, 3),
                Err(SqsError::ReceiptHandleIsInvalid),
                "{text}"
            );
        }
    }
}
