//! A run that is made on after it was stopped: who was chosen before stays chosen.
//!
//! An earlier choice of its members that was started has begun to give vouchers. They stand, and points were taken for them, so
//! another choice decides about their members as it did before, but for what keeps a letter from them by now.

use campaign::{Decision, Reason};
use domain::id::PartyId;
use store::account::{self, AccountId};
use store::run::{self, Run, RunId};
use store::{Record, Site};

use crate::pay::count;
use crate::{App, RunError};

/// What stands of earlier choices of a run.
#[derive(Debug, Default)]
pub(crate) struct Earlier {
    /// Those that were started, the last first.
    started: Vec<Record<Run>>,
}

impl Earlier {
    /// The face value that the last one was chosen for, in minor units: of the budget it is spent.
    pub(crate) fn face_minor(&self) -> i64 {
        let last = self.started.first().and_then(|run| run.d.chosen.as_ref());
        last.map_or(0, |chosen| chosen.totals.face_value_minor)
    }
}

/// What earlier choices say of a party.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Before {
    /// For how many vouchers it was chosen.
    pub(crate) chosen: Option<u32>,
    /// For how many it has paid with points.
    pub(crate) paid: u32,
}

impl Before {
    /// Whether it was chosen.
    pub(crate) const fn is_chosen(self) -> bool {
        self.chosen.is_some()
    }

    /// What becomes of a party of which the choice would decide so. `costs_points`: vouchers are paid for with points.
    pub(crate) fn settle(self, decision: Decision, costs_points: bool) -> Decision {
        let Some(chosen) = self.chosen else { return decision };
        let keeps_back = |reason| {
            matches!(
                reason,
                Reason::Ended
                    | Reason::Blacklisted
                    | Reason::LetterObjected
                    | Reason::NoAddress
                    | Reason::AddressBlocked
                    | Reason::AlreadyHadOne
            )
        };
        match decision {
            Decision::Out { reason } if keeps_back(reason) => decision,
            _ if self.paid > 0 => Decision::In { vouchers: self.paid },
            // Nothing was taken, so nothing was given: it may pay now for as many as it was chosen for.
            Decision::In { vouchers } if costs_points => Decision::In {
                vouchers: vouchers.min(chosen),
            },
            _ if costs_points => decision,
            _ => Decision::In { vouchers: chosen },
        }
    }
}

impl App {
    /// The earlier choices of a run that were started; none of a run that nobody has stopped.
    pub(crate) async fn earlier(&self, id: &RunId, run: &Run) -> Result<Earlier, RunError> {
        if run.code_key_version.is_none() {
            return Ok(Earlier::default());
        }
        let mut started = run::started(&self.db, Site::RunStarted, id).await?;
        started.retain(|earlier| earlier.d.revision < id.revision);
        started.reverse();
        Ok(Earlier { started })
    }

    /// What earlier choices say of a party.
    pub(crate) async fn before(&self, id: &RunId, earlier: &Earlier, party: &PartyId) -> Result<Before, RunError> {
        for run in &earlier.started {
            let of = RunId {
                revision: run.d.revision,
                ..id.clone()
            };
            let member = run::member(&self.db, Site::RunStarted, (&of, run.d.cut), party).await?;
            if let Some(Decision::In { vouchers }) = member.map(|member| member.d.decision) {
                let paid = match run.d.campaign.voucher.cost_points {
                    Some(_) => self.paid(id, &run.d, party).await?,
                    None => 0,
                };
                return Ok(Before {
                    chosen: Some(vouchers),
                    paid,
                });
            }
        }
        Ok(Before::default())
    }

    /// For how many vouchers of the run the party has paid.
    pub(crate) async fn paid(&self, id: &RunId, run: &Run, party: &PartyId) -> Result<u32, RunError> {
        let account = AccountId {
            tenant: id.tenant.clone(),
            party: party.clone(),
            programme: run.campaign.programme.clone(),
        };
        let paid = account::run_entry(&self.db, Site::RunPaid, &account, run.day, &run.run).await?;
        paid.map_or(Ok(0), |entry| count(&entry.d))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn out(reason: Reason) -> Decision {
        Decision::Out { reason }
    }

    const fn within(vouchers: u32) -> Decision {
        Decision::In { vouchers }
    }

    #[test]
    fn who_was_chosen_stays_chosen_but_for_what_keeps_a_letter_back() {
        let nobody = Before::default();
        let given = Before {
            chosen: Some(2),
            paid: 0,
        };
        for decision in [within(1), out(Reason::NotInSegment), Decision::Control] {
            assert_eq!(nobody.settle(decision, false), decision);
        }
        for reason in [
            Reason::NotInSegment,
            Reason::OverBudget,
            Reason::HouseholdServed,
            Reason::BelowRfmr,
        ] {
            assert_eq!(given.settle(out(reason), false), within(2), "{reason:?}");
        }
        for reason in [
            Reason::Blacklisted,
            Reason::LetterObjected,
            Reason::NoAddress,
            Reason::AddressBlocked,
        ] {
            assert_eq!(given.settle(out(reason), false), out(reason));
        }
    }

    #[test]
    fn who_has_paid_gets_what_was_paid_for_and_who_has_not_may_still_pay() {
        let paid = Before {
            chosen: Some(3),
            paid: 2,
        };
        assert_eq!(paid.settle(out(Reason::TooFewPoints), true), within(2));
        assert_eq!(
            paid.settle(within(3), true),
            within(2),
            "what is approved is what was paid for"
        );
        assert_eq!(paid.settle(out(Reason::NoAddress), true), out(Reason::NoAddress));
        let unpaid = Before {
            chosen: Some(2),
            paid: 0,
        };
        assert_eq!(unpaid.settle(within(3), true), within(2));
        assert_eq!(
            unpaid.settle(out(Reason::TooFewPoints), true),
            out(Reason::TooFewPoints)
        );
    }
}
