//! The administration's routes against a table in memory.

mod access;
mod by;
mod clients;
mod exceptions;
mod locations;
mod lost_answers;
mod programmes;
mod revenue;
mod support;
