//! Finance's books (X9, X18): what the open points are made of, how they rolled forward over a month, and which branch's points
//! paid for the vouchers that another branch took.
//!
//! Everything is a fold over the entries of one account, in the order of their versions. The account itself does not know where
//! a point of a lot came from; the fold does: each lot is a queue of parcels of one origin, the oldest first. Every movement of
//! an entry names the lots it touches, so the parcels follow it exactly: whatever the history, the rows of an account add up to
//! its balance and pending points.
//!
//! A month holds the entries **posted** in it, not those of its business dates: a receipt that comes late stands in the month in
//! which it was posted, and closed books stay closed. Where two processes stored entries with clocks out of step, an entry counts
//! as posted with the latest instant up to it, so that a month always ends between two versions.
//!
//! | module | what |
//! |---|---|
//! | `month` | calendar months |
//! | `row` | the columns of the roll-forward, and sums of many accounts |
//! | `parcel` | where points came from, and queues of them |
//! | `cause` | what an entry says about the origin of what it moves |
//! | `fold` | the parcels of one account through its entries |
//! | `settlement` | redeemed vouchers by issuing and redeeming branch |
//! | `csv` | both as files |

mod cause;
mod csv;
mod fold;
mod month;
mod parcel;
mod row;
mod settlement;

pub use csv::{COMPANIES_HEADER, LIABILITY_HEADER, SETTLEMENT_HEADER, companies_csv, liability_csv, settlement_csv};
pub use fold::{Parcels, Posted, roll_forward, taken_by, voucher_parcels};
pub use month::{InvalidMonth, Month};
pub use parcel::{Origin, Parcel};
pub use row::{Rollforward, Row};
pub use settlement::{Companies, CompanyPair, Pair, Settled, Settlement};

#[cfg(test)]
mod tests;
