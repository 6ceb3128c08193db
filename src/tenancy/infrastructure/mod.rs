//! How tenancy reaches other nodes.

mod shared_rates;

pub use shared_rates::SharedRates;
