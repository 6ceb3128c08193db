//! Use case: tell channels what they are to be told. One outbox and one worker per address, at the address's pace.
//!
//! At least once, also across restarts: what waits is in the state database until it was sent, and a newer notification of a
//! group takes the place of an older one there and here.

pub mod channel;
pub mod outbox;
pub mod outboxes;
pub mod sample;
pub mod turn;
pub mod worker;

#[cfg(test)]
pub mod fakes;
