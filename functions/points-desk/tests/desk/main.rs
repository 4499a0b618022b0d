//! The points desk at its HTTP boundary, over a table in memory.

mod access;
mod approvals;
mod corrections;
mod faults;
mod lists;
mod plan;
mod single;
mod support;
mod transfers;
mod vouchers;
