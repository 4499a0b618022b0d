//! How far a campaign has come.
//!
//! ```text
//!          dry run           approve            start              finish
//!   draft ─────────► dry run ────────► approved ──────► executing ────────► closed
//!     ▲                 │                 │ ▲               │  │               (once)
//!     └─────────────────┴──── edit ───────┘ └── finish ─────┘  │
//!     ▲                                        (daily)         │
//!     └──────────────────── finish (monthly), stop ────────────┘
//! ```
//!
//! Four eyes: neither the author nor who edited it last approves. What is approved is one dry run by its digest, and only a run
//! with the same digest starts. A monthly campaign needs a dry run and an approval for each month. A daily one could not wait
//! for them: its approval stands for the following days' runs, whose members differ, until it is edited.

use chrono::{DateTime, Utc};
use domain::id::Subject;
use serde::{Deserialize, Serialize};

use crate::campaign::Schedule;
use crate::digest::Digest;

/// Where a campaign stands, and who wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Standing {
    /// Who created it.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub author: Subject,
    /// Who changed it last.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub last_editor: Subject,
    /// Where it stands.
    pub status: Status,
}

/// Where a campaign stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case", deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Status {
    /// Nothing was tried since the last change.
    Draft {},
    /// It was tried, and waits for an approval.
    DryRun {
        /// The run that was tried.
        run: String,
        /// Fingerprint of its decisions.
        digest: Digest,
        /// When.
        at: DateTime<Utc>,
    },
    /// A second person approved it.
    Approved {
        /// Who.
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        by: Subject,
        /// When.
        at: DateTime<Utc>,
        /// The run that was approved.
        run: String,
        /// Fingerprint of its decisions.
        digest: Digest,
    },
    /// A run issues vouchers.
    Executing {
        /// The run.
        run: String,
        /// Who approved.
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        by: Subject,
        /// When it was approved.
        at: DateTime<Utc>,
        /// The run that was approved.
        approved_run: String,
        /// Fingerprint that was approved.
        digest: Digest,
    },
    /// It is over for ever.
    Closed {
        /// Since when.
        at: DateTime<Utc>,
    },
}

impl Status {
    /// The run that is approved, or under way.
    pub fn approved_run(&self) -> Option<&str> {
        match self {
            Self::Approved { run, .. } | Self::Executing { run, .. } => Some(run),
            Self::Draft {} | Self::DryRun { .. } | Self::Closed { .. } => None,
        }
    }
}

/// Why a step is refused. Nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is over.
    #[error("the campaign is closed: create a new one")]
    Closed,
    /// A run is under way.
    #[error("a run of the campaign is under way: wait until it is finished, or stop it")]
    Executing,
    /// There is no dry run to approve.
    #[error("the campaign was not tried since it was changed: make a dry run first")]
    NotTried,
    /// Nobody approved it.
    #[error("the campaign is not approved: a second person must approve its dry run")]
    NotApproved,
    /// Who wrote it cannot approve it.
    #[error("who created or last changed the campaign cannot approve it: ask somebody else")]
    SamePerson,
    /// Another dry run than the last one.
    #[error("the digest is not that of the last dry run: look at the last one and approve that")]
    OtherDryRun,
    /// Another run than the approved one.
    #[error("another run was approved: make a dry run of this one and have it approved")]
    OtherRun,
    /// The run does not decide as the approved dry run did.
    #[error("the run decides differently from the approved dry run: make a new dry run and have it approved")]
    DigestDiffers,
    /// Another run is under way, or none.
    #[error("this run is not under way")]
    NotExecuting,
    /// The run was chosen for the campaign as it was before it was changed.
    #[error("the campaign was changed since the run was chosen: make a new dry run and have it approved")]
    OtherEdition,
}

impl Standing {
    /// A new draft.
    pub fn draft(author: Subject) -> Self {
        Self {
            last_editor: author.clone(),
            author,
            status: Status::Draft {},
        }
    }

    fn with(&self, status: Status) -> Self {
        Self { status, ..self.clone() }
    }

    /// Refused while a run is under way and when all is over.
    fn at_rest(&self) -> Result<(), Refused> {
        match self.status {
            Status::Closed { .. } => Err(Refused::Closed),
            Status::Executing { .. } => Err(Refused::Executing),
            Status::Draft {} | Status::DryRun { .. } | Status::Approved { .. } => Ok(()),
        }
    }

    /// After a change of the document: a draft again, whatever was tried or approved.
    ///
    /// # Errors
    /// [`Refused`] while a run is under way and after the end.
    pub fn edited(&self, by: Subject) -> Result<Self, Refused> {
        self.at_rest()?;
        Ok(Self {
            author: self.author.clone(),
            last_editor: by,
            status: Status::Draft {},
        })
    }

    /// After a dry run; an earlier one, and its approval, no longer count.
    ///
    /// # Errors
    /// [`Refused`] while a run is under way and after the end.
    pub fn tried(&self, run: String, digest: Digest, at: DateTime<Utc>) -> Result<Self, Refused> {
        self.at_rest()?;
        Ok(self.with(Status::DryRun { run, digest, at }))
    }

    /// Approves the dry run with this digest, the one that the approver saw.
    ///
    /// # Errors
    /// [`Refused`] without a dry run, for another digest, and for who created or last changed the campaign.
    pub fn approved(&self, by: Subject, digest: Digest, at: DateTime<Utc>) -> Result<Self, Refused> {
        self.at_rest()?;
        let Status::DryRun { run, digest: tried, .. } = &self.status else {
            return Err(Refused::NotTried);
        };
        if by == self.author || by == self.last_editor {
            return Err(Refused::SamePerson);
        }
        if digest != *tried {
            return Err(Refused::OtherDryRun);
        }
        let run = run.clone();
        Ok(self.with(Status::Approved { by, at, run, digest }))
    }

    /// Starts a run, once its decisions are made and before anything is issued. The same run that is under way already is started
    /// again.
    ///
    /// # Errors
    /// [`Refused`] without an approval, for another run, and when the digest is not the approved one; of a daily campaign run and
    /// digest are not compared.
    pub fn started(&self, schedule: Schedule, run: String, digest: Digest) -> Result<Self, Refused> {
        let daily = matches!(schedule, Schedule::Daily {});
        match &self.status {
            Status::Closed { .. } => Err(Refused::Closed),
            Status::Draft {} | Status::DryRun { .. } => Err(Refused::NotApproved),
            Status::Executing { run: other, .. } if *other != run => Err(Refused::Executing),
            Status::Executing { digest: approved, .. } | Status::Approved { digest: approved, .. }
                if !daily && *approved != digest =>
            {
                Err(Refused::DigestDiffers)
            }
            Status::Executing { .. } => Ok(self.clone()),
            Status::Approved { run: approved, .. } if !daily && *approved != run => Err(Refused::OtherRun),
            Status::Approved {
                by,
                at,
                run: approved_run,
                digest,
            } => Ok(self.with(Status::Executing {
                run,
                by: by.clone(),
                at: *at,
                approved_run: approved_run.clone(),
                digest: *digest,
            })),
        }
    }

    /// After a run: closed when it was the only one, a draft for the next month, approved for the next day.
    ///
    /// # Errors
    /// [`Refused::NotExecuting`] when this run is not under way.
    pub fn finished(&self, schedule: Schedule, run: &str, now: DateTime<Utc>) -> Result<Self, Refused> {
        match (&self.status, schedule) {
            (Status::Executing { run: other, .. }, _) if other != run => Err(Refused::NotExecuting),
            (Status::Executing { .. }, Schedule::Once { .. }) => Ok(self.with(Status::Closed { at: now })),
            (Status::Executing { .. }, Schedule::Monthly { .. }) => Ok(self.with(Status::Draft {})),
            (
                Status::Executing {
                    by,
                    at,
                    approved_run,
                    digest,
                    ..
                },
                Schedule::Daily {},
            ) => Ok(self.with(Status::Approved {
                by: by.clone(),
                at: *at,
                run: approved_run.clone(),
                digest: *digest,
            })),
            _ => Err(Refused::NotExecuting),
        }
    }

    /// Gives a run up: a draft again where the campaign waits for this run. What it has issued stays; the period keeps those members
    /// from a second voucher.
    #[must_use]
    pub fn stopped(&self, run: &str) -> Self {
        match &self.status {
            Status::Executing { run: other, .. }
            | Status::Approved { run: other, .. }
            | Status::DryRun { run: other, .. }
                if other == run =>
            {
                self.with(Status::Draft {})
            }
            _ => self.clone(),
        }
    }

    /// Ends the campaign; one that has ended stays as it is.
    ///
    /// # Errors
    /// [`Refused::Executing`] while a run is under way.
    pub fn closed(&self, now: DateTime<Utc>) -> Result<Self, Refused> {
        match self.status {
            Status::Executing { .. } => Err(Refused::Executing),
            Status::Closed { .. } => Ok(self.clone()),
            Status::Draft {} | Status::DryRun { .. } | Status::Approved { .. } => {
                Ok(self.with(Status::Closed { at: now }))
            }
        }
    }
}
