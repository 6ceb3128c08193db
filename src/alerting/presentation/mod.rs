//! The routes of alerting on the API's listener.

pub mod alert_rules;
pub mod alertmanager;
pub mod channels;
pub mod incidents;
mod query_string;
pub mod runbooks;
mod shared_problems;
mod words;

use shared_problems::{RETRY_AFTER, stopped, unavailable};
