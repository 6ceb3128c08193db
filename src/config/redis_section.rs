//! Reads `[redis]`: what several nodes over one store share.

use std::path::PathBuf;

use secrecy::SecretString;

use super::ByteSize;
use super::password;
use super::reader::{Reader, text_of};
use super::sections::{MEBIBYTE, TEBIBYTE};
use crate::platform::redis::RedisAddress;

/// Keys that mean nothing without an address.
const OWN: [&str; 3] = ["redis.password", "redis.password_file", "redis.ca_file"];
const PREFIX_CHARS_MAX: usize = 64;

/// What of Redis is used.
#[derive(Debug, Clone)]
pub struct Redis {
    /// Absent: this is the only node over its store.
    pub server: Option<RedisServer>,
    /// 1 to 64 characters.
    pub prefix: String,
    /// What this node may keep there: 1 MiB to 1 TiB; zero: nothing.
    pub cache_bytes: ByteSize,
}

/// Where it is.
#[derive(Debug, Clone)]
pub struct RedisServer {
    pub address: RedisAddress,
    pub password: Option<SecretString>,
    /// Absent: the authorities that this machine trusts.
    pub ca_file: Option<PathBuf>,
}

pub(super) fn redis(reader: &mut Reader) -> Redis {
    let prefix = prefix(reader);
    let cache_bytes = reader.bytes("redis.cache_bytes", ByteSize::from_bytes(0)..=TEBIBYTE);
    if cache_bytes < MEBIBYTE && cache_bytes > ByteSize::from_bytes(0) {
        reader.refuse("redis.cache_bytes", "allowed: 0, or a size from 1MiB to 1TiB");
    }
    if !reader.is_written("redis.url") {
        reader.refuse_written(&OWN, "allowed: with redis.url only");
        return Redis { server: None, prefix, cache_bytes };
    }
    let address = reader.read("redis.url", None, |written| {
        let allowed = "allowed: an address like redis://cache.example:6379/0 or rediss://user@cache.example, without a password";
        let address = text_of(written).and_then(|text| RedisAddress::parse(text).ok());
        address.map(Some).ok_or_else(|| allowed.to_owned())
    });
    let ca_file = match reader.is_written("redis.ca_file") {
        true => Some(reader.text("redis.ca_file").into()),
        false => None,
    };
    let password = password::read(reader, "redis", "password");
    let server = address.map(|address| RedisServer { address, password, ca_file });
    Redis { server, prefix, cache_bytes }
}

fn prefix(reader: &mut Reader) -> String {
    reader.read("redis.prefix", String::new(), |written| {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_-.:/{}".contains(c);
        text_of(written)
            .filter(|text| (1..=PREFIX_CHARS_MAX).contains(&text.len()) && text.chars().all(allowed))
            .map(str::to_owned)
            .ok_or_else(|| "allowed: 1 to 64 characters out of a-z, A-Z, 0-9 and _-.:/{}".to_owned())
    })
}
