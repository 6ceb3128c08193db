//! Reads `[state]`: where the state of alerts and what is yet to be sent are kept.

use super::password;
use super::reader::{Reader, text_of};
use super::{State, Store};
use crate::platform::state::{Postgres, PostgresAddress, PostgresAddressError, StateTarget};

/// Keys that mean nothing to a file.
const OF_POSTGRES: [&str; 3] = ["state.password", "state.password_file", "state.ca_file"];

/// In the store's directory unless it is written elsewhere.
pub(super) fn state(reader: &mut Reader, store: &Store) -> State {
    let has_path = reader.is_written("state.path");
    if reader.is_written("state.url") {
        if has_path {
            reader.refuse("state.path", "allowed: either path or url");
        }
        if let Some(postgres) = postgres(reader) {
            return State { target: StateTarget::Postgres(postgres) };
        }
    } else {
        reader.refuse_written(&OF_POSTGRES, "allowed: with url only");
    }
    let path = if has_path { reader.text("state.path").into() } else { store.path.join("state.db") };
    State { target: StateTarget::File(path) }
}

/// Nothing if the address is none, which is said.
fn postgres(reader: &mut Reader) -> Option<Postgres> {
    const ALLOWED: &str =
        "allowed: an address like postgres://user@db.example:5432/telemetryflow, with a user and a database";
    let parsed = reader.read("state.url", None, |written| {
        let text = text_of(written).ok_or_else(|| ALLOWED.to_owned())?;
        let parsed = PostgresAddress::parse(text).map_err(|error| match error {
            PostgresAddressError::Form => ALLOWED.to_owned(),
            PostgresAddressError::Parameter => {
                format!("{ALLOWED}; behind its ?: sslmode, sslcert, sslkey or host")
            }
            PostgresAddressError::Security => {
                "allowed: as sslmode disable, prefer, require, verify-ca or verify-full".to_owned()
            }
        })?;
        Ok(Some(parsed))
    });
    let written = password::read(reader, "state", "password");
    let ca_file = reader.is_written("state.ca_file").then(|| reader.text("state.ca_file").into());
    let (address, within) = parsed?;
    if within.is_some() && written.is_some() {
        reader.refuse("state.url", "allowed: one password, in the address or beside it");
    }
    Some(Postgres { address, password: within.or(written), ca_file })
}
