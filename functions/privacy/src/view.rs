//! Requests as the API shows them.

use http_edge::api::privacy::{ErasureCounts, ErasureFindings, ErasureView, LapsingAccount};
use http_edge::{Problem, Response};
use store::erasure::{Counts, Erasure, Found, State};

/// An answer, with the header of replays where it repeats one.
pub(crate) fn answer(status: u16, erasure: &Erasure, replayed: bool) -> Result<Response, Problem> {
    let answer = Response::json(status, &view(erasure))?;
    Ok(if replayed {
        answer.header("idempotency-replayed", "true")
    } else {
        answer
    })
}

pub(crate) fn view(erasure: &Erasure) -> ErasureView {
    let mut view = ErasureView {
        party_id: erasure.party.to_string(),
        status: erasure.state.as_str().to_owned(),
        reason: erasure.reason.as_str().to_owned(),
        asked_by: erasure.author.to_string(),
        asked_at: erasure.asked_at,
        findings: findings(&erasure.found),
        decided_by: None,
        decided_at: None,
        erased_at: None,
        counts: None,
        proof: None,
    };
    let decision = match &erasure.state {
        State::Requested => None,
        State::Withdrawn(decision) => Some(decision),
        State::Approved { approval, work } => {
            view.counts = Some(counts(&work.counts));
            Some(approval)
        }
        State::Erased {
            approval,
            done_at,
            counts: done,
            proof,
        } => {
            view.erased_at = Some(*done_at);
            view.counts = Some(counts(done));
            view.proof = Some(proof.clone());
            Some(approval)
        }
    };
    view.decided_by = decision.map(|decision| decision.by.to_string());
    view.decided_at = decision.map(|decision| decision.at);
    view
}

fn findings(found: &Found) -> ErasureFindings {
    let accounts = found.accounts.iter().map(|account| LapsingAccount {
        programme_id: account.programme.clone(),
        balance: account.balance,
        pending: account.pending,
    });
    ErasureFindings {
        accounts: accounts.collect(),
        open_vouchers: found.open_vouchers,
        open_invoices: found.open_invoices,
        open_opportunities: found.open_opportunities,
        open_work: found.open_work,
        open_adjustments: found.open_adjustments,
    }
}

fn counts(counts: &Counts) -> ErasureCounts {
    ErasureCounts {
        deleted: counts.deleted.clone(),
        emptied: counts.emptied.clone(),
        kept: counts.kept.clone(),
    }
}
