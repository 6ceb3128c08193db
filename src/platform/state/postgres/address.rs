//! `PostgresAddress`: where a database of PostgreSQL is, without the password.

use std::fmt;
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use reqwest::Url;
use secrecy::SecretString;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

/// What may stand behind the `?`.
const PARAMETERS: [&str; 4] = ["sslmode", "sslcert", "sslkey", "host"];

/// User, host and database: `postgres://user@host:5432/database`, perhaps with `?sslmode=verify-full`, a client's certificate
/// (`sslcert`, `sslkey`: files), or with the folder of a socket (`host`) in the place of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostgresAddress {
    url: Url,
    security: Security,
}

/// Whether the address says how the connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Security {
    Said,
    Unsaid,
}

/// Why a text is no address of a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PostgresAddressError {
    #[error("an address is written like postgres://user@host:5432/database")]
    Form,
    #[error("behind the ? of an address stand sslmode, sslcert, sslkey or host")]
    Parameter,
    #[error("sslmode is disable, prefer, require, verify-ca or verify-full")]
    Security,
}

impl PostgresAddress {
    /// The address, and the password that stands in it.
    pub fn parse(text: &str) -> Result<(Self, Option<SecretString>), PostgresAddressError> {
        let form = PostgresAddressError::Form;
        let mut url = Url::parse(text).map_err(|_| form)?;
        let database = url.path().strip_prefix('/').unwrap_or_default();
        let is_whole = ["postgres", "postgresql"].contains(&url.scheme())
            && url.host_str().is_some_and(|host| !host.is_empty())
            && !url.username().is_empty()
            && !database.is_empty()
            && !database.contains('/')
            && url.fragment().is_none();
        if !is_whole {
            return Err(form);
        }
        let mut security = Security::Unsaid;
        for (name, value) in url.query_pairs() {
            match &*name {
                "sslmode" => {
                    PgSslMode::from_str(&value).map_err(|_| PostgresAddressError::Security)?;
                    security = Security::Said;
                }
                name if PARAMETERS.contains(&name) => {}
                _ => return Err(PostgresAddressError::Parameter),
            }
        }
        let password = url.password().map(|text| percent_decode_str(text).decode_utf8().map(String::from));
        let password = password.transpose().map_err(|_| form)?.map(SecretString::from);
        url.set_password(None).map_err(|()| form)?;
        if PgConnectOptions::from_str(url.as_str()).is_err() {
            return Err(form);
        }
        Ok((Self { url, security }, password))
    }

    /// Encrypted as the address says; if it does not, as `unsaid` does.
    pub(super) fn connect_options(&self, unsaid: PgSslMode) -> Result<PgConnectOptions, sqlx::Error> {
        let options = PgConnectOptions::from_str(self.url.as_str())?;
        Ok(match self.security {
            Security::Said => options,
            Security::Unsaid => options.ssl_mode(unsaid),
        })
    }
}

impl fmt::Display for PostgresAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.url.as_str())
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn a_password_is_taken_out_of_the_address_and_decoded() {
        let (address, password) = PostgresAddress::parse("postgres://flow:p%40ss@db:5433/state").unwrap();
        assert_eq!(address.to_string(), "postgres://flow@db:5433/state");
        assert_eq!(password.unwrap().expose_secret(), "p@ss");
        let (_, password) = PostgresAddress::parse("postgresql://flow@[::1]/state").unwrap();
        assert!(password.is_none());
    }

    #[test]
    fn a_socket_and_the_encryption_may_be_named() {
        let text = "postgres://flow@localhost/state?host=/run/postgresql&sslmode=verify-full";
        let (address, _) = PostgresAddress::parse(text).unwrap();
        assert_eq!(address.to_string(), text);
        let options = address.connect_options(PgSslMode::Disable).unwrap();
        assert!(matches!(options.get_ssl_mode(), PgSslMode::VerifyFull));
        assert_eq!(options.get_socket().map(|path| path.as_path()), Some("/run/postgresql".as_ref()));
        let (address, _) = PostgresAddress::parse("postgres://flow@db/state").unwrap();
        let options = address.connect_options(PgSslMode::VerifyFull).unwrap();
        assert!(matches!(options.get_ssl_mode(), PgSslMode::VerifyFull));
    }

    #[test]
    fn what_is_no_whole_address_is_refused() {
        for text in [
            "",
            "db",
            "mysql://flow@db/state",
            "postgres://db/state",
            "postgres://flow@db",
            "postgres://flow@db/a/b",
            "postgres://flow@/state",
            "postgres://flow@db/state#x",
        ] {
            assert_eq!(PostgresAddress::parse(text).unwrap_err(), PostgresAddressError::Form, "{text}");
        }
        let wrong = |query| PostgresAddress::parse(&format!("postgres://flow@db/state?{query}")).unwrap_err();
        assert_eq!(wrong("password=x"), PostgresAddressError::Parameter);
        assert_eq!(wrong("sslmode=maybe"), PostgresAddressError::Security);
    }
}
