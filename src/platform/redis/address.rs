//! Where Redis is: `redis://user@host:6379/0`, or `rediss://` for TLS. A password has no place in it.

use std::fmt;

use reqwest::Url;

const PORT: u16 = 6_379;
/// Most databases that a server can be configured to have are far fewer.
const DATABASE_MAX: u32 = 65_535;

/// An address of one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisAddress {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) database: u32,
    pub(super) user: Option<String>,
    pub(super) tls: Tls,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tls {
    On,
    Off,
}

/// What is wrong with an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RedisAddressError {
    #[error("it is no address")]
    Syntax,
    #[error("it begins with neither redis:// nor rediss://")]
    Scheme,
    #[error("it names no host")]
    Host,
    #[error("it holds a password")]
    Password,
    #[error("what follows the host is no number of a database")]
    Database,
}

impl RedisAddress {
    pub fn parse(text: &str) -> Result<Self, RedisAddressError> {
        let url = Url::parse(text).map_err(|_| RedisAddressError::Syntax)?;
        let tls = match url.scheme() {
            "redis" => Tls::Off,
            "rediss" => Tls::On,
            _ => return Err(RedisAddressError::Scheme),
        };
        if url.password().is_some() {
            return Err(RedisAddressError::Password);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(RedisAddressError::Syntax);
        }
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        if host.is_empty() {
            return Err(RedisAddressError::Host);
        }
        let database = match url.path().trim_start_matches('/') {
            "" => 0,
            digits => digits.parse().map_err(|_| RedisAddressError::Database)?,
        };
        if database > DATABASE_MAX {
            return Err(RedisAddressError::Database);
        }
        let user = Some(url.username()).filter(|user| !user.is_empty()).map(str::to_owned);
        Ok(Self { host: host.to_owned(), port: url.port().unwrap_or(PORT), database, user, tls })
    }
}

/// Reads back as the same address.
impl fmt::Display for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.tls {
            Tls::On => "rediss://",
            Tls::Off => "redis://",
        })?;
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}/{}", self.host, self.port, self.database),
            false => write!(f, "{}:{}/{}", self.host, self.port, self.database),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_is_usual() {
        for (text, shown) in [
            ("redis://cache.example", "redis://cache.example:6379/0"),
            ("redis://127.0.0.1:7000/3", "redis://127.0.0.1:7000/3"),
            ("rediss://node@[::1]/1", "rediss://node@[::1]:6379/1"),
        ] {
            let address = RedisAddress::parse(text).unwrap();
            assert_eq!(address.to_string(), shown);
            assert_eq!(RedisAddress::parse(shown), Ok(address));
        }
    }

    #[test]
    fn what_is_wrong_is_told_apart() {
        for (text, error) in [
            ("cache", RedisAddressError::Syntax),
            ("http://cache", RedisAddressError::Scheme),
            ("redis:///1", RedisAddressError::Host),
            ("redis://:secret@cache", RedisAddressError::Password),
            ("redis://cache/first", RedisAddressError::Database),
            ("redis://cache/70000", RedisAddressError::Database),
            ("redis://cache?db=1", RedisAddressError::Syntax),
        ] {
            assert_eq!(RedisAddress::parse(text), Err(error), "{text}");
        }
    }
}
