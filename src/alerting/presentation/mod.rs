//! The routes of alerting on the API's listener.

pub mod alertmanager;
pub mod channels;
