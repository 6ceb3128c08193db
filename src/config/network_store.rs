//! Reads those keys of `[store]` that say where ClickHouse is, when it is not in this process.

use super::password;
use super::reader::{Reader, text_of};
use super::{Network, StoreKind};
use crate::platform::clickhouse::deployment::{Quorum, Word};
use crate::platform::clickhouse::network::{Endpoint, EndpointError};

/// Keys that mean nothing to the embedded engine.
const OWN: [&str; 7] = [
    "store.url",
    "store.urls",
    "store.user",
    "store.password",
    "store.password_file",
    "store.ca_file",
    "store.cluster",
];
/// Most addresses.
const ENDPOINTS_MAX: usize = 64;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Named {
    Embedded,
    Network,
    Null,
}

/// An address alone says that the store is there.
pub(super) fn kind(reader: &mut Reader) -> StoreKind {
    let kinds = [("embedded", Named::Embedded), ("network", Named::Network), ("null", Named::Null)];
    let has_address = ["store.url", "store.urls"].iter().any(|path| reader.is_written(path));
    let named = match has_address && !reader.is_written("store.kind") {
        true => Named::Network,
        false => reader.choice("store.kind", &kinds, Named::Embedded),
    };
    match named {
        Named::Network => StoreKind::Network(network(reader)),
        Named::Embedded | Named::Null => {
            reader.refuse_written(&OWN, "allowed: with kind = \"network\" only");
            if named == Named::Null { StoreKind::Null } else { StoreKind::Embedded }
        }
    }
}

fn network(reader: &mut Reader) -> Network {
    let (endpoints, user) = endpoints(reader);
    let user = match reader.is_written("store.user") {
        true => Some(reader.text("store.user")),
        false => user,
    };
    let trust = reader.trust("store.ca_file");
    let cluster = match reader.is_written("store.cluster") {
        true => word(reader, "store.cluster"),
        false => None,
    };
    // Without a word nothing is made of the settings.
    let database = word(reader, "store.database").unwrap_or_default();
    Network {
        endpoints,
        user,
        password: password::read(reader, "store", "password"),
        trust,
        database,
        cluster,
        quorum: quorum(reader),
    }
}

fn word(reader: &mut Reader, path: &str) -> Option<Word> {
    let allowed = "allowed: 1 to 64 letters, digits and _, beginning with no digit";
    reader.read(path, None, |written| {
        let word = text_of(written).and_then(Word::parse);
        word.map(Some).ok_or_else(|| allowed.to_owned())
    })
}

/// The addresses, and the user that one of them names.
fn endpoints(reader: &mut Reader) -> (Vec<Endpoint>, Option<String>) {
    let allowed = "allowed: an address like http://127.0.0.1:8123 or https://user@store.example:8443, without a password";
    let path = match (reader.is_written("store.url"), reader.is_written("store.urls")) {
        (true, true) => {
            reader.refuse("store.urls", "allowed: either url or urls");
            "store.url"
        }
        (_, true) => "store.urls",
        _ => "store.url",
    };
    let parsed: Vec<Result<(Endpoint, Option<String>), EndpointError>> = match path {
        "store.url" => reader.read(path, Vec::new(), |written| {
            let text = text_of(written).filter(|text| !text.is_empty()).ok_or_else(|| allowed.to_owned())?;
            Ok(vec![Endpoint::parse(text)])
        }),
        _ => reader.list(path, allowed, |item| Some(Endpoint::parse(item))),
    };
    if parsed.len() > ENDPOINTS_MAX
        || parsed.is_empty() && path == "store.urls"
        || parsed.iter().any(Result::is_err)
    {
        reader.refuse(path, allowed);
    }
    let parsed: Vec<_> = parsed.into_iter().flatten().collect();
    let user = parsed.iter().find_map(|(_, user)| user.clone());
    (parsed.into_iter().map(|(endpoint, _)| endpoint).collect(), user)
}

fn quorum(reader: &mut Reader) -> Quorum {
    reader.read("store.quorum", Quorum::One, |written| {
        let text = match written {
            super::written::Written::Number(text) => Some(text.as_str()),
            other => text_of(other),
        };
        match text {
            Some("one") => Ok(Quorum::One),
            Some("majority") => Ok(Quorum::Majority),
            text => {
                let replicas =
                    text.and_then(|text| text.parse().ok()).filter(|replicas| (2..=100).contains(replicas));
                replicas
                    .map(Quorum::Of)
                    .ok_or_else(|| "allowed: one, majority, or a number from 2 to 100".to_owned())
            }
        }
    })
}
