//! `Users`: who may ask, and whether they may write. The credential decides; of a password its hash is kept.

use std::collections::BTreeMap;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::exception::Exception;
use super::statement::Rights;

/// Bytes of a hash.
const HASH_BYTES: usize = 32;
/// Compared with where the name is unknown, so that this takes as long.
const NOBODYS_HASH: [u8; HASH_BYTES] = [0; HASH_BYTES];
/// Whom clients mean where nobody is named.
const DEFAULT_USER: &str = "default";

/// A user as the configuration has it.
#[derive(Clone)]
pub struct SqlUser {
    /// SHA-256 of the password, which is random: a fast hash is right for it.
    pub hash: [u8; HASH_BYTES],
    pub rights: Rights,
}

impl std::fmt::Debug for SqlUser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqlUser").field("rights", &self.rights).finish_non_exhaustive()
    }
}

/// By name. Without any, everybody may read and nobody may write.
#[derive(Debug, Clone, Default)]
pub struct Users(BTreeMap<String, SqlUser>);

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asker {
    pub name: String,
    pub rights: Rights,
}

/// A name and a password, from wherever the request has them.
#[derive(Default)]
struct Credentials {
    name: String,
    password: String,
}

impl Users {
    pub fn new(users: BTreeMap<String, SqlUser>) -> Self {
        Self(users)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Who presents these headers, or these parameters of the address.
    pub fn authenticate(
        &self,
        headers: &HeaderMap,
        named: Option<&str>,
        password: Option<&str>,
    ) -> Result<Asker, Exception> {
        let credentials = credentials(headers, named, password)?;
        if self.0.is_empty() {
            let is_nobody =
                credentials.password.is_empty() && ["", DEFAULT_USER].contains(&&*credentials.name);
            let nobody = Asker { name: DEFAULT_USER.to_owned(), rights: Rights::Read };
            return if is_nobody { Ok(nobody) } else { Err(wrong()) };
        }
        if credentials.name.is_empty() && credentials.password.is_empty() {
            return Err(Exception::required_password("a user and a password are needed"));
        }
        let user = self.0.get(&credentials.name);
        let expected = user.map_or(NOBODYS_HASH, |user| user.hash);
        let hash: [u8; HASH_BYTES] = Sha256::digest(credentials.password.as_bytes()).into();
        let is_right: bool = hash.ct_eq(&expected).into();
        match user.filter(|_| is_right) {
            Some(user) => Ok(Asker { name: credentials.name, rights: user.rights }),
            None => Err(wrong()),
        }
    }
}

/// Does not say which of them is wrong.
fn wrong() -> Exception {
    Exception::authentication_failed(
        "Authentication failed: password is incorrect, or there is no user with such name",
    )
}

/// Headers of ClickHouse's, else Basic, else the address. One of them only, as in ClickHouse.
fn credentials(
    headers: &HeaderMap,
    named: Option<&str>,
    password: Option<&str>,
) -> Result<Credentials, Exception> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let own = [text("x-clickhouse-user"), text("x-clickhouse-key")];
    let basic = headers.get(AUTHORIZATION);
    let ways = [own.iter().any(Option::is_some), basic.is_some(), named.is_some() || password.is_some()];
    if ways.iter().filter(|way| **way).count() > 1 {
        return Err(Exception::authentication_failed(
            "Invalid authentication: it is not allowed to authenticate in several ways at once",
        ));
    }
    let plain = |name: Option<&str>, password: Option<&str>| Credentials {
        name: name.unwrap_or_default().to_owned(),
        password: password.unwrap_or_default().to_owned(),
    };
    match (own, basic) {
        ([None, None], Some(header)) => {
            let header = header.to_str().unwrap_or_default();
            basic_credentials(header).ok_or_else(|| {
                Exception::authentication_failed("the Authorization header is not of the form Basic")
            })
        }
        ([None, None], None) => Ok(plain(named, password)),
        ([name, key], _) => Ok(plain(name, key)),
    }
}

fn basic_credentials(header: &str) -> Option<Credentials> {
    let (scheme, encoded) = header.split_once(' ')?;
    let decoded = STANDARD.decode(encoded.trim()).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    let decoded = String::from_utf8(decoded).ok()?;
    let (name, password) = decoded.split_once(':')?;
    Some(Credentials { name: name.to_owned(), password: password.to_owned() })
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn users() -> Users {
        let user =
            |password: &str, rights| SqlUser { hash: Sha256::digest(password.as_bytes()).into(), rights };
        Users::new(
            [("grafana", user("read-secret", Rights::Read)), ("node", user("write-secret", Rights::Write))]
                .map(|(name, user)| (name.to_owned(), user))
                .into(),
        )
    }

    fn headers(all: &[(&'static str, &str)]) -> HeaderMap {
        all.iter()
            .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_str(value).unwrap()))
            .collect()
    }

    fn basic(text: &str) -> HeaderMap {
        headers(&[("authorization", &format!("Basic {}", STANDARD.encode(text)))])
    }

    #[test]
    fn each_way_names_a_user_and_what_it_may() {
        let users = users();
        let own = headers(&[("x-clickhouse-user", "node"), ("x-clickhouse-key", "write-secret")]);
        assert_eq!(users.authenticate(&own, None, None).unwrap().rights, Rights::Write);
        let asker = users.authenticate(&basic("grafana:read-secret"), None, None).unwrap();
        assert_eq!((asker.name.as_str(), asker.rights), ("grafana", Rights::Read));
        let by_address = users.authenticate(&HeaderMap::new(), Some("grafana"), Some("read-secret"));
        assert_eq!(by_address.unwrap().rights, Rights::Read);
    }

    #[test]
    fn wrong_and_missing_credentials_are_refused_without_saying_what_is_wrong() {
        let users = users();
        assert_eq!(users.authenticate(&HeaderMap::new(), None, None).unwrap_err().code, 194);
        for text in ["grafana:write-secret", "nobody:read-secret", "grafana:", ":read-secret"] {
            assert_eq!(users.authenticate(&basic(text), None, None), Err(wrong()), "{text}");
        }
        for header in ["Bearer a.b", "Basic !", "Basic"] {
            assert_eq!(
                users.authenticate(&headers(&[("authorization", header)]), None, None).unwrap_err().code,
                516
            );
        }
        let twice = users.authenticate(&basic("grafana:read-secret"), Some("grafana"), None);
        assert_eq!(twice.unwrap_err().code, 516);
    }

    #[test]
    fn without_users_everybody_may_read_and_nobody_has_a_password() {
        let users = Users::default();
        for name in [None, Some(""), Some("default")] {
            let asker = users.authenticate(&HeaderMap::new(), name, name.map(|_| "")).unwrap();
            assert_eq!(asker.rights, Rights::Read);
        }
        assert_eq!(users.authenticate(&basic("default:guess"), None, None), Err(wrong()));
    }

    #[test]
    fn a_hash_is_not_in_debug_output() {
        assert!(!format!("{:?}", users()).contains("hash"));
    }
}
