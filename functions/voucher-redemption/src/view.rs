//! A voucher as a till sees it.

use domain::money::Money;
use domain::voucher::{State, Voucher};
use http_edge::api::vouchers::{Redemption, VoucherState, VoucherStatus};

/// The view of a voucher in the state `state`, which may differ from the stored one where a hold has timed out.
pub(crate) fn view(voucher: &Voucher, state: &State) -> VoucherState {
    let (status, reserved_until, redemption) = match state {
        State::Open => (VoucherStatus::Open, None, None),
        State::Reserved { until, .. } => (VoucherStatus::Reserved, Some(*until), None),
        State::Blocked => (VoucherStatus::Blocked, None, None),
        State::Voided { .. } => (VoucherStatus::Voided, None, None),
        State::Redeemed { receipt, at } => {
            let redemption = Redemption {
                location: receipt.store.to_string(),
                till: receipt.till.to_string(),
                business_date: receipt.business_date,
                at: *at,
            };
            (VoucherStatus::Redeemed, None, Some(redemption))
        }
    };
    VoucherState {
        voucher: voucher.id(),
        status,
        value: Money::new(voucher.value_minor, voucher.currency),
        min_basket: Money::new(voucher.min_basket_minor, voucher.currency),
        valid_from: voucher.valid_from,
        valid_until: voucher.valid_until,
        reserved_until,
        redemption,
    }
}
