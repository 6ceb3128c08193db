//! Reads the sections that operators name themselves: `[keys.NAME]` and `[channels.NAME]`.

use std::collections::BTreeMap;

use super::channel_sections::channel;
use super::keys::{API_KEYS, CHANNELS, NamedSections, SQL_USERS};
use super::reader::{Reader, text_of};
use super::written::Written;
use super::{ApiKey, Channel, Expiry, KeyRole, SqlAccess, SqlUser};
use crate::shared::{TenantId, Timestamp};

/// Longest name, in characters.
const NAME_CHARS_MAX: usize = 64;

const HASH_PREFIX: &str = "sha256:";
const HASH_ALLOWED: &str =
    "allowed: sha256: and 64 hexadecimal digits, as telemetryflow create-key prints them";

/// Every section of this kind whose name is sane, as `read` understands it.
fn sections<T>(
    reader: &mut Reader,
    named: &NamedSections,
    name_allowed: &str,
    read: impl Fn(&mut Reader, &str) -> T,
) -> BTreeMap<String, T> {
    let mut sections = BTreeMap::new();
    for name in reader.names(named) {
        let path = format!("{}.{name}", named.section);
        if is_name(&name) {
            sections.insert(name, read(reader, &path));
            continue;
        }
        let mut paths = named.keys.iter().map(|key| format!("{path}.{key}"));
        if let Some(written) = paths.find(|path| reader.is_written(path)) {
            reader.refuse(&written, name_allowed);
        }
    }
    sections
}

fn is_name(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-');
    (1..=NAME_CHARS_MAX).contains(&name.len()) && name.bytes().all(allowed)
}

pub(super) fn channels(reader: &mut Reader) -> BTreeMap<String, Channel> {
    let allowed = "a channel's name has 1 to 64 characters out of a-z, 0-9, _ and -";
    let all = sections(reader, &CHANNELS, allowed, channel);
    all.into_iter().filter_map(|(name, channel)| Some((name, channel?))).collect()
}

pub(super) fn api_keys(reader: &mut Reader) -> BTreeMap<String, ApiKey> {
    let allowed = "a key's id has 1 to 64 characters out of a-z, 0-9, _ and -";
    let roles = [("ingest", KeyRole::Ingest), ("read", KeyRole::Read), ("admin", KeyRole::Admin)];
    sections(reader, &API_KEYS, allowed, |reader, path| ApiKey {
        hash: read_hash(reader, path),
        tenant: reader.read(&format!("{path}.tenant"), TenantId::unnamed(), |written| {
            text_of(written)
                .and_then(|text| TenantId::parse(text).ok())
                .ok_or_else(|| "allowed: 1 to 64 characters out of a-z, 0-9, _ and -".to_owned())
        }),
        role: reader.choice(&format!("{path}.role"), &roles, KeyRole::Ingest),
        expires: expiry(reader, &format!("{path}.expires")),
    })
}

pub(super) fn sql_users(reader: &mut Reader) -> BTreeMap<String, SqlUser> {
    let allowed = "a user's name has 1 to 64 characters out of a-z, 0-9, _ and -";
    let accesses = [("read", SqlAccess::Read), ("write", SqlAccess::Write)];
    sections(reader, &SQL_USERS, allowed, |reader, path| SqlUser {
        hash: read_hash(reader, path),
        access: match reader.is_written(&format!("{path}.access")) {
            true => reader.choice(&format!("{path}.access"), &accesses, SqlAccess::Read),
            false => SqlAccess::Read,
        },
    })
}

fn read_hash(reader: &mut Reader, path: &str) -> [u8; 32] {
    reader.read(&format!("{path}.hash"), [0; 32], |written| {
        text_of(written).and_then(hash).ok_or_else(|| HASH_ALLOWED.to_owned())
    })
}

fn hash(text: &str) -> Option<[u8; 32]> {
    let digits = text.strip_prefix(HASH_PREFIX)?.as_bytes();
    let mut hash = [0; 32];
    let (pairs, rest) = digits.as_chunks::<2>();
    if pairs.len() != hash.len() || !rest.is_empty() {
        return None;
    }
    for (byte, [high, low]) in hash.iter_mut().zip(pairs) {
        *byte = nibble(*high)? << 4 | nibble(*low)?;
    }
    Some(hash)
}

fn nibble(digit: u8) -> Option<u8> {
    u8::try_from(char::from(digit).to_digit(16)?).ok()
}

fn expiry(reader: &mut Reader, path: &str) -> Expiry {
    if !reader.is_written(path) {
        return Expiry::Never;
    }
    reader.read(path, Expiry::Never, |written| {
        // A date-time of TOML is one of RFC 3339 without quotes.
        let text = match written {
            Written::Text(text) | Written::Bare(text) | Written::Foreign(text) => text,
            Written::Number(_) | Written::List(_) => "",
        };
        moment(text).map(Expiry::At).ok_or_else(|| {
            "allowed: a date and time with its zone, like 2027-01-31T00:00:00Z, before the year 2100"
                .to_owned()
        })
    })
}

fn moment(text: &str) -> Option<Timestamp> {
    let moment: jiff::Timestamp = text.trim().parse().ok()?;
    Timestamp::from_unix_nanos(u64::try_from(moment.as_nanosecond()).ok()?)
}
