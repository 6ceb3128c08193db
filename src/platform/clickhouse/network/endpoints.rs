//! `Endpoints`: the servers that may be asked, in turn when one does not answer.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use clickhouse::error::{Error, Result};
use clickhouse::{Client, Compression};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::rt::TokioExecutor;
use reqwest::Url;
use secrecy::ExposeSecret;

use super::failure::{is_of_network, is_unsent};
use super::{ConnectError, NetworkOptions};

/// Idle connections are closed before the server does that (ClickHouse: 10 s), so that no request meets a closed one.
const IDLE_TIME_MAX: Duration = Duration::from_secs(5);
/// Idle connections to one server: more than statements that run at once.
const IDLE_MAX: usize = 32;

/// The address of a server: scheme, host and port, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint(Url);

/// Why a text is no address of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    #[error("an address is written like http://host:8123 or https://host:8443")]
    Form,
    #[error("a password does not belong into an address")]
    Password,
}

impl Endpoint {
    /// The address, and the user that stands in it.
    pub fn parse(text: &str) -> std::result::Result<(Self, Option<String>), EndpointError> {
        let mut url = Url::parse(text).map_err(|_| EndpointError::Form)?;
        if url.password().is_some() {
            return Err(EndpointError::Password);
        }
        let is_plain = url.query().is_none() && url.fragment().is_none() && ["", "/"].contains(&url.path());
        if !["http", "https"].contains(&url.scheme()) || !url.has_host() || !is_plain {
            return Err(EndpointError::Form);
        }
        let user = Some(url.username().to_owned()).filter(|user| !user.is_empty());
        url.set_username("").map_err(|()| EndpointError::Form)?;
        Ok((Self(url), user))
    }

    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

/// After which failures another server is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    /// Only when nothing was sent: what was sent may have been done.
    Unsent,
    /// Whenever the network failed: asking twice changes nothing.
    Any,
}

/// Cheap to clone; all clones know which server answered last.
#[derive(Clone)]
pub struct Endpoints {
    clients: Arc<[(Endpoint, Client)]>,
    current: Arc<AtomicUsize>,
}

impl Endpoints {
    pub fn new(options: &NetworkOptions) -> std::result::Result<Self, ConnectError> {
        let connector = crate::platform::tls::connector(&options.trust)?;
        let http = || {
            let connector = connector.clone();
            HttpClient::builder(TokioExecutor::new())
                .pool_idle_timeout(IDLE_TIME_MAX)
                .pool_max_idle_per_host(IDLE_MAX)
                .build(connector)
        };
        let client = |endpoint: &Endpoint| {
            let mut client = Client::with_http_client(http())
                .with_url(endpoint.as_str())
                .with_compression(Compression::Lz4)
                .with_product_info("telemetryflow", env!("CARGO_PKG_VERSION"));
            if let Some(user) = &options.user {
                client = client.with_user(user);
            }
            if let Some(password) = &options.password {
                client = client.with_password(password.expose_secret());
            }
            (endpoint.clone(), client)
        };
        let clients = options.endpoints.iter().map(client).collect();
        Ok(Self { clients, current: Arc::default() })
    }

    pub fn all(&self) -> impl Iterator<Item = Client> {
        self.clients.iter().map(|(_, client)| client.clone())
    }

    /// Asks the server that answered last, and the others after it once each. An insert whose end is not known makes the next one
    /// go to another server.
    pub async fn reach<T, F: Future<Output = Result<T>>>(
        &self,
        after: Reached,
        ask: impl Fn(Client) -> F,
    ) -> Result<T> {
        let first = self.current.load(Ordering::Relaxed);
        let mut last = Error::Custom("there is no server to ask".to_owned());
        for offset in 0..self.clients.len() {
            let index = (first + offset) % self.clients.len();
            let Some((endpoint, client)) = self.clients.get(index) else { break };
            match ask(client.clone()).await {
                Err(error) if is_of_network(&error) => {
                    tracing::debug!(%endpoint, %error, "a store does not answer");
                    let _ = self.current.compare_exchange(
                        index,
                        (index + 1) % self.clients.len(),
                        Ordering::Relaxed,
                        Ordering::Relaxed,
                    );
                    let goes_on = after == Reached::Any || is_unsent(&error);
                    last = error;
                    if !goes_on {
                        break;
                    }
                }
                answered => {
                    self.current.store(index, Ordering::Relaxed);
                    return answered;
                }
            }
        }
        Err(last)
    }
}

impl fmt::Debug for Endpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clients.iter().map(|(endpoint, _)| endpoint.to_string())).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_name_a_user_and_no_password() {
        let (endpoint, user) = Endpoint::parse("http://node@127.0.0.1:8123/").unwrap();
        assert_eq!((endpoint.to_string().as_str(), user.as_deref()), ("http://127.0.0.1:8123", Some("node")));
        assert_eq!(Endpoint::parse("https://store.example").unwrap().1, None);
        assert_eq!(Endpoint::parse("http://node:secret@h"), Err(EndpointError::Password));
        for wrong in ["", "h:8123", "tcp://h:9000", "http://", "http://h/path", "http://h/?database=x"] {
            assert_eq!(Endpoint::parse(wrong), Err(EndpointError::Form), "{wrong}");
        }
    }
}
