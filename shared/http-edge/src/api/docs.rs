//! Body of `/health`.

use serde::{Deserialize, Serialize};

/// The API answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HealthAnswer {
    /// Always `ok`.
    pub status: String,
}
