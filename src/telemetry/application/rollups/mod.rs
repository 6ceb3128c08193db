//! Rolling points up by the hour: what is to be done, doing it, and knowing for which hours it is done.

pub mod calculate;
pub mod counters;
pub mod ports;
pub mod register;
pub mod schedule;
pub mod shares;

pub use calculate::CalculateHourlyAggregation;
pub use counters::RollupCounters;
pub use ports::{Block, Day, MetricOf, MetricPoints, RollupError, Rollups};
pub use register::{Metrics, RolledUp, Task};
pub use schedule::{RollupOptions, RollupSchedule};
pub use shares::Share;
