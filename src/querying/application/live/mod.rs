//! The live stream: what is stored and what alerts do, told to whoever listens, as it happens.
//!
//! Whoever stores waits for no listener: an event is put into a short queue, or counted as missed. One task takes it from there,
//! looks what of it each listener wants, and puts that into the listener's own mailbox, which forgets the oldest when it is full.

pub mod counters;
mod extract;
pub mod feed;
mod live_logs;
mod live_points;
mod mailbox;
pub mod messages;

pub use counters::StreamCounters;
pub use feed::{FeedLimits, LiveFeed, NotSubscribed, Subscription};
pub use mailbox::Delivered;
pub use messages::{AlertChange, AlertState, LivePoint, LiveValue, Message, Points};
