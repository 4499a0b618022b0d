//! A day at the till, through HTTP on the running stack: receipts and their points (L2, L3, N3), the text to print (L7),
//! vouchers from threshold to redemption (N4, N5, N6), and locations as data.
//!
//! | module | what |
//! |---|---|
//! | `receipts` | receipts, replays, contradictions, cards that are registered later |
//! | `claims` | receipts without a card get one, once |
//! | `vouchers` | issuing, the cash desk, redeeming |
//! | `news` | the voucher feed and the queue of the tills' middleware |
//! | `locations` | a 25th branch opens, sells, closes and is counted |

#[path = "http_till/claims.rs"]
mod claims;
#[path = "http_till/locations.rs"]
mod locations;
#[path = "http_till/news.rs"]
mod news;
#[path = "http_till/receipts.rs"]
mod receipts;
#[path = "http_till/vouchers.rs"]
mod vouchers;
