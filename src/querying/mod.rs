//! Querying: answers questions about what is stored, from a cache that is never stale. Owns every SELECT.

pub mod application;
pub mod domain;
pub mod infrastructure;
pub mod presentation;
