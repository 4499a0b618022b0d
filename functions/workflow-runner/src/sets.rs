//! The workflows of the tenants of a batch, each version read and made ready once.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::id::Tenant;
use store::workflow::{self as stored, SetVersion};
use store::{Db, Site};
use workflow::Workflows;

use crate::RunError;

/// What a batch has read. The version in force is read after every change of the batch was made, so it cannot be too old for
/// any of them; it is not kept longer, so that a new version counts from its first change on.
#[derive(Debug, Default)]
pub(crate) struct Sets {
    current: BTreeMap<Tenant, Option<SetVersion>>,
    ready: BTreeMap<(Tenant, u64), Arc<Workflows>>,
}

impl Sets {
    /// The workflows that were in force at an instant; none for a tenant that had none.
    pub(crate) async fn in_force_at(
        &mut self,
        db: &Db,
        tenant: &Tenant,
        at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Option<Arc<Workflows>>, RunError> {
        let current = match self.current.get(tenant) {
            Some(current) => current.clone(),
            None => {
                let read = stored::read(db, Site::WorkflowSet, tenant)
                    .await?
                    .map(|record| record.d);
                self.current.insert(tenant.clone(), read.clone());
                read
            }
        };
        let Some(current) = current else { return Ok(None) };
        // The clock of whoever made the change may be ahead.
        let at = at.min(now);
        let found = stored::in_force_at(db, Site::WorkflowSet, tenant, &current, at).await?;
        found.map(|found| self.ready(tenant, found)).transpose()
    }

    fn ready(&mut self, tenant: &Tenant, version: SetVersion) -> Result<Arc<Workflows>, RunError> {
        let key = (tenant.clone(), version.version);
        if let Some(ready) = self.ready.get(&key) {
            return Ok(ready.clone());
        }
        let number = version.version;
        let compiled = Workflows::compile(version.workflows).map_err(|_| RunError::NotUnderstood(number))?;
        let ready = Arc::new(compiled);
        self.ready.insert(key, ready.clone());
        Ok(ready)
    }
}
