//! The one table.
//!
//! [`db`] makes the calls: every call has a site (for fault injection), a bound on retries, a classified error and a
//! counted cost. The other modules hold one kind of entity each: its keys, its item and its access patterns. Handlers see
//! typed values only.
//!
//! | module | partition key | what |
//! |---|---|---|
//! | [`receipt`] | `RECEIPT#tenant#store#date` | receipts, by till and number |
//! | [`returned`] | `RECEIPT#tenant#store#date#returns` | returns of goods |
//! | [`returned_mail`] | `LETTER#tenant#piece`, `PARTY#…`, `RUNPART#…` | letters that were sent, and those that came back |
//! | [`history`] | | a receipt with its entries and returns |
//! | [`recalculation`] | `RECALC#tenant#…` | receipts counted again under another version |
//! | [`account`] | `PARTY#tenant#party` | accounts, ledger entries |
//! | [`activity`] | `PARTY#tenant#party` | what an account bought, by month |
//! | [`party`] | `PARTY#tenant#party` | the party and its name for the till |
//! | [`party`] | `EXTERNAL#tenant#hash` | which party an external id or a caller's token stands for |
//! | [`relationship`] | `PARTY#tenant#party` | relationships, on both parties |
//! | [`party_types`] | `TYPES#tenant` | the types of a tenant |
//! | [`campaign`] | `CAMPAIGNS#tenant…` | campaigns and their editions |
//! | [`run`] | `RUNS#tenant`, `RUNPART#…`, `RUNMEMBER#…`, `PARTY#…` | runs of campaigns and the members they chose |
//! | [`tally`] | `TALLY#tenant#run#shard`, `HEARD#tenant#hash` | what became of a run's vouchers, counted live |
//! | [`card`] | `CARD#tenant#hash` | cards, and receipts that wait for one |
//! | [`voucher`] | `VOUCHER#tenant#hash`, `PARTY#…` | vouchers and the party's references to them |
//! | [`feed`] | `FEED#tenant#group` | the voucher feed |
//! | [`finance`] | `FINANCE#tenant#programme#month` | runs of finance's books and their partial sums |
//! | [`import`] | `IMPORT#tenant…` | imports of files, and how far their parts are |
//! | [`lettershop`] | `LETTERSHOP#tenant`, `RUNPART#…` | what was agreed on with the printer, how far files are |
//! | [`location`] | `LOCATIONS#tenant` | places that sell |
//! | [`offline`] | `OFFLINE#tenant#store` | allowances of branches without a line, their journals, what is lost |
//! | [`programme`] | `PROGRAMME#tenant#id` | versions of programmes |
//! | [`adjustment`] | `ADJUST#tenant#id` | points moved by hand |
//! | [`restore`] | | one party compared with a restored copy of the table |
//! | [`desk`] | `DESK#tenant#…`, `PARTY#…` | tasks, cases, opportunities |
//! | [`communication`] | `PARTY#tenant#party` | what was spoken and written with a party |
//! | [`erasure`] | `PARTY#tenant#party` | requests to erase a party, and how far they are |
//! | [`erp`] | `ERP#tenant#…`, `PARTY#…` | orders, invoices and payments of the ERP |
//! | [`timeline`] | `PARTY#tenant#party` | what happened with a party beside its ledger |
//! | [`workflow`] | `WORKFLOWS#tenant`, `PARTY#…` | workflows in force, what happened that they look at, what they did |
//! | [`exception`] | `EXCEPTION#tenant#date` | what an operator must look at |
//! | [`client`] | `CLIENT#tenant`, `APIKEY#hash` | clients of the API and their keys |
//! | [`statement`] | `PARTY#tenant#party` | that a statement about a party was made |
//! | [`search`] | `SEARCH#tenant#hash` | lists of parties under hashed parts of their names |
//! | [`guess`] | `GUESS#tenant#…` | counts of unknown codes and cards |

pub mod account;
pub mod activity;
pub mod adjustment;
pub mod cache;
pub mod campaign;
pub mod card;
pub mod client;
pub mod communication;
pub mod db;
pub mod desk;
pub mod erasure;
pub mod erp;
pub mod error;
pub mod exception;
pub mod feed;
pub mod finance;
pub mod guess;
pub mod history;
pub mod import;
pub mod lettershop;
pub mod location;
pub mod offline;
pub mod party;
pub mod party_types;
pub mod programme;
pub mod recalculation;
pub mod receipt;
pub mod record;
pub mod relationship;
pub mod restore;
pub mod returned;
pub mod returned_mail;
pub mod run;
pub mod scan;
pub mod search;
pub mod statement;
pub mod tally;
pub mod timeline;
pub mod voucher;
pub mod workflow;

pub use db::{Db, Key, Meter};
pub use error::StoreError;
pub use faults::Site;
pub use record::{By, Made, Record};
