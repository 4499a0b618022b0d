//! Whatever is wrong with a call, the caller hears what, where and what to do, and the books do not change.
//!
//! | module | what |
//! |---|---|
//! | `refusal` | a bad call, what must be answered, and the check that nothing else happens |
//! | `receipts` | receipts and claims |
//! | `fields` | what can be wrong with a field of a receipt |
//! | `vouchers` | voucher calls |
//! | `callers` | keys, scopes, locations, routes |

#[path = "http_bad_input/callers.rs"]
mod callers;
#[path = "http_bad_input/fields.rs"]
mod fields;
#[path = "http_bad_input/receipts.rs"]
mod receipts;
#[path = "http_bad_input/refusal.rs"]
mod refusal;
#[path = "http_bad_input/vouchers.rs"]
mod vouchers;
