//! Compiles `shared` and the contexts' domains without the rest of the program: a path to anything else is an error here.
//!
//! A context is added with these lines; the folder on the outer module is what makes `mod domain;` find the file:
//!
//! ```ignore
//! #[path = "../src/telemetry"]
//! mod telemetry {
//!     pub mod domain;
//! }
//! ```
#![allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    reason = "nothing here is used: that it compiles is the test"
)]

#[path = "../src/shared/mod.rs"]
mod shared;

#[path = "../src/telemetry"]
mod telemetry {
    pub mod domain;
}

#[path = "../src/querying"]
mod querying {
    pub mod domain;
}

#[path = "../src/alerting"]
mod alerting {
    pub mod domain;
}

#[path = "../src/tenancy"]
mod tenancy {
    pub mod domain;
}
