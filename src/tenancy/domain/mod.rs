//! Keys, roles, what a caller may do, and how fast.

mod api_key;
mod caller;
mod rate;
mod role;

pub use api_key::{ApiKey, KeyId, KeyIdError, SecretHash};
pub use caller::{Caller, NotAllowed};
pub use rate::{Bucket, Rate};
pub use role::{Action, Role};
