//! `SecretUrl`: an address that is itself a credential, as Slack's webhooks are. It shows its scheme and host only.

use std::fmt;
use std::net::IpAddr;

use reqwest::Url;

/// An absolute `http` or `https` URL with a host. Never shown whole.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SecretUrl(Url);

/// Why a text is not such a URL. Does not repeat the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretUrlError {
    #[error("not a valid URL")]
    Syntax,
    #[error("a URL begins with http:// or https://")]
    Scheme,
    #[error("a URL names a host")]
    Host,
}

impl SecretUrl {
    pub fn parse(text: &str) -> Result<Self, SecretUrlError> {
        let url = Url::parse(text.trim()).map_err(|_| SecretUrlError::Syntax)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(SecretUrlError::Scheme);
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(SecretUrlError::Host);
        }
        Ok(Self(url))
    }

    pub(super) const fn expose(&self) -> &Url {
        &self.0
    }

    /// The host, if it is written as an address. The parser has brought every form of one into the usual form.
    pub(super) fn literal_address(&self) -> Option<IpAddr> {
        let host = self.0.host_str()?;
        host.trim_start_matches('[').trim_end_matches(']').parse().ok()
    }
}

impl fmt::Display for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}/***", self.0.scheme(), self.0.host_str().unwrap_or_default())
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_scheme_and_the_host_are_shown() {
        let url = SecretUrl::parse("https://user:pass@hooks.slack.com/services/T0/B0/secret?key=1").unwrap();
        assert_eq!(url.to_string(), "https://hooks.slack.com/***");
        assert_eq!(format!("{url:?}"), "SecretUrl(https://hooks.slack.com/***)");
    }

    #[test]
    fn other_schemes_and_fragments_of_urls_are_refused() {
        for (text, error) in [
            ("ftp://example.com/", SecretUrlError::Scheme),
            ("file:///etc/passwd", SecretUrlError::Scheme),
            ("hooks.slack.com/services", SecretUrlError::Syntax),
            ("https://", SecretUrlError::Syntax),
        ] {
            assert_eq!(SecretUrl::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn an_address_is_recognised_in_every_form() {
        for (text, address) in [
            ("http://127.0.0.1/", Some("127.0.0.1")),
            ("http://2130706433/", Some("127.0.0.1")),
            ("http://0x7f000001/", Some("127.0.0.1")),
            ("http://127.1./", Some("127.0.0.1")),
            ("http://[::1]/", Some("::1")),
            ("http://example.com/", None),
        ] {
            let url = SecretUrl::parse(text).unwrap();
            assert_eq!(url.literal_address(), address.map(|a| a.parse().unwrap()), "{text}");
        }
    }
}
