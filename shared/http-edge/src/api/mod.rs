//! The bodies of requests and answers, by function. Field names and shapes are the API's contract.

pub mod adjustments;
pub mod administration;
pub mod campaign_results;
pub mod campaigns;
pub mod customers;
pub mod desk;
pub mod docs;
pub mod erp;
pub mod finance;
pub mod imports;
pub mod keys;
pub mod leads;
pub mod lettershop;
pub mod offline;
pub mod parties;
pub mod privacy;
pub mod purchases;
pub mod recalculations;
pub mod returns;
pub mod rfmr;
pub mod search;
pub mod vouchers;
pub mod workflows;
