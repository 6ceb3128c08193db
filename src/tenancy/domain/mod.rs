//! Keys, roles, and what a caller may do.

mod api_key;
mod caller;
mod role;

pub use api_key::{ApiKey, KeyId, KeyIdError, SecretHash};
pub use caller::{Caller, NotAllowed};
pub use role::{Action, Role};
