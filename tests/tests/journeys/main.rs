//! What people do with the system, through calls, queues, files and the schedule, in worlds of their own. One program: it is linked once,
//! and its tests run side by side.

#![recursion_limit = "256"]

mod busy_table;
mod by;
mod campaign_members;
mod campaign_results;
mod campaign_vouchers;
mod campaigns;
mod company_accounts;
mod day_close;
mod earning_rules;
mod erp;
mod finance;
mod imports;
mod lettershop_inbox;
mod offline_tills;
mod out_of_time;
mod parties;
mod party_search;
mod points_desk;
mod poison;
mod printers_files;
mod privacy;
mod recalculation;
mod redeeming;
mod reprints;
mod returned_letters;
mod returns;
mod rfmr;
mod rights;
mod segments;
mod service_desk;
mod stopped_points;
mod stopped_runs;
mod trying_out_cards;
mod vouchers;
mod vouchers_in_parts;
mod workflows;
