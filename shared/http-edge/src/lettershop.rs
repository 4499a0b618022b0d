//! What is agreed on with the printer, as stored.

use domain::id::Tenant;
use lettershop::settings::Settings;
use store::{Db, Site, lettershop as agreed};

use crate::api::lettershop::LettershopSettingsView;
use crate::{Code, Problem};

/// What is agreed on with the printer of a tenant, or stands while nothing is.
///
/// # Errors
/// The problem to answer with.
pub async fn agreed(db: &Db, site: Site, tenant: &Tenant) -> Result<LettershopSettingsView, Problem> {
    let stored = agreed::settings(db, site, tenant).await?;
    Ok(match stored {
        None => LettershopSettingsView {
            version: 0,
            settings: Settings::default(),
        },
        Some(stored) => LettershopSettingsView {
            version: stored.d.version,
            settings: serde_json::from_value(stored.d.document)
                .map_err(|_| Problem::new(Code::Internal, "what is agreed on with the printer cannot be read"))?,
        },
    })
}
