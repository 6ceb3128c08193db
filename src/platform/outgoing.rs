//! HTTP requests and e-mail to addresses that users configure, so written that they cannot reach into our own network.
//!
//! No redirects, no proxy from the environment, and no connection to an address that is not public unless a configured range
//! holds it. What counts is the address that is connected to: names are judged by what they resolve to, at that moment.

mod addresses;
mod mail;
mod retry_after;
mod secret_url;
mod signature;

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, HeaderName, RETRY_AFTER};

use addresses::AddressGuard;
pub use mail::{
    Mail, MailAddress, MailAddressError, MailAuthority, MailAuthorityError, MailError, MailLogin, MailServer,
    MailTls,
};
pub use secret_url::{SecretUrl, SecretUrlError};
pub use signature::{SigningSecret, SigningSecretError};

pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// From the first look-up to the beginning of the answer.
pub const TOTAL_TIMEOUT: Duration = Duration::from_secs(10);
/// What is read of an answer, and what is kept of it.
const TEXT_BYTES_MAX: usize = 1_024;
const TEXT_CHARS_MAX: usize = 200;

/// Sends requests to configured addresses. Cheap to clone.
#[derive(Debug, Clone)]
pub struct OutgoingClient {
    http: reqwest::Client,
    timeout: Duration,
    guard: Arc<AddressGuard>,
    rotation: Arc<mail::Rotation>,
}

/// The beginning of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    /// The beginning of its body in one line; empty if there is none or it broke off.
    pub text: Box<str>,
    /// How long the other side asks us to wait.
    pub retry_after: Option<Duration>,
}

/// Why there is no answer. Names no URL.
#[derive(Debug, thiserror::Error)]
pub enum OutgoingError {
    #[error("the address is not public and no allowed range holds it")]
    AddressRefused,
    #[error("no answer within the time allowed")]
    TimedOut,
    #[error("cannot be reached")]
    Unreachable(#[source] reqwest::Error),
    #[error("the name leads nowhere")]
    Unresolved(#[source] io::Error),
}

/// The HTTP client cannot be set up (no TLS backend or no root certificates).
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client for outgoing requests cannot be set up")]
pub struct OutgoingSetupError(#[source] reqwest::Error);

impl OutgoingClient {
    /// `allow`: ranges that may be connected to although they are not public.
    pub fn new(allow: Vec<IpNet>) -> Result<Self, OutgoingSetupError> {
        let guard = Arc::new(AddressGuard::new(allow));
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT)
            .user_agent(concat!("telemetryflow/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(GuardedResolver { guard: Arc::clone(&guard) })
            .build()
            .map_err(|error| OutgoingSetupError(error.without_url()))?;
        Ok(Self { http, timeout: TOTAL_TIMEOUT, guard, rotation: Arc::default() })
    }

    /// The same, but with another [`TOTAL_TIMEOUT`].
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    pub async fn post_json(
        &self,
        url: &SecretUrl,
        body: &serde_json::Value,
    ) -> Result<Response, OutgoingError> {
        self.post(url, &[], body.to_string().into_bytes()).await
    }

    /// Posts a body of JSON with further headers. A header whose value is not visible ASCII is refused by the client.
    pub async fn post(
        &self,
        url: &SecretUrl,
        headers: &[(&'static str, String)],
        body: Vec<u8>,
    ) -> Result<Response, OutgoingError> {
        // The client asks no resolver about an address that is written as such.
        if url.literal_address().is_some_and(|address| !self.guard.admits(address)) {
            return Err(OutgoingError::AddressRefused);
        }
        let mut request = self.http.post(url.expose().clone()).timeout(self.timeout);
        request = request.header(CONTENT_TYPE, "application/json");
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let response = request.body(body).send().await.map_err(cause)?;
        let (status, retry_after) = (response.status().as_u16(), wait_asked_for(response.headers()));
        Ok(Response { status, retry_after, text: beginning(response).await })
    }

    /// Where a host (a name, or an address in any form) leads that may be connected to: at least one address.
    async fn admitted(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, OutgoingError> {
        let found = tokio::net::lookup_host((host, port)).await.map_err(OutgoingError::Unresolved)?;
        let admitted: Vec<_> = found.filter(|address| self.guard.admits(address.ip())).collect();
        if admitted.is_empty() { Err(OutgoingError::AddressRefused) } else { Ok(admitted) }
    }
}

/// The status is what counts: a body that breaks off is no error.
async fn beginning(mut response: reqwest::Response) -> Box<str> {
    let mut bytes = Vec::new();
    while bytes.len() < TEXT_BYTES_MAX
        && let Ok(Some(chunk)) = response.chunk().await
    {
        let room = TEXT_BYTES_MAX - bytes.len();
        bytes.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
    }
    one_line(&String::from_utf8_lossy(&bytes))
}

/// Without line ends and other control characters, and not long.
fn one_line(text: &str) -> Box<str> {
    let words: Vec<&str> = text.split(|c: char| c.is_whitespace() || c.is_control()).collect();
    let joined = words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    joined.chars().take(TEXT_CHARS_MAX).collect::<String>().into()
}

fn wait_asked_for(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: HeaderName| headers.get(name)?.to_str().ok();
    retry_after::parse(text(RETRY_AFTER)?, text(DATE))
}

fn cause(error: reqwest::Error) -> OutgoingError {
    let mut inner: Option<&(dyn Error + 'static)> = Some(&error);
    while let Some(next) = inner {
        if next.is::<AddressRefused>() {
            return OutgoingError::AddressRefused;
        }
        inner = next.source();
    }
    if error.is_timeout() { OutgoingError::TimedOut } else { OutgoingError::Unreachable(error.without_url()) }
}

/// What the resolver says where a name leads only to addresses that are refused.
#[derive(Debug, thiserror::Error)]
#[error("the name leads to no address that may be connected to")]
struct AddressRefused;

/// Resolves as the system does, and hands on only what the guard admits.
#[derive(Debug)]
struct GuardedResolver {
    guard: Arc<AddressGuard>,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = Arc::clone(&self.guard);
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let admitted: Vec<_> = found.filter(|address| guard.admits(address.ip())).collect();
            if admitted.is_empty() {
                return Err(AddressRefused.into());
            }
            Ok(Box::new(admitted.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    fn loopback() -> Vec<IpNet> {
        vec!["127.0.0.0/8".parse().unwrap()]
    }

    async fn post(allow: Vec<IpNet>, url: &str) -> Result<Response, OutgoingError> {
        let client = OutgoingClient::new(allow).unwrap();
        client.post_json(&SecretUrl::parse(url).unwrap(), &json!({})).await
    }

    /// A server that answers one request with `answer`; gives its port.
    async fn server(answer: &'static str) -> (u16, tokio::task::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        #[expect(clippy::disallowed_methods, reason = "a test's own server")]
        let task = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut head = [0; 1024];
            let _ = socket.read(&mut head).await.unwrap();
            socket.write_all(answer.as_bytes()).await.unwrap();
        });
        (port, task)
    }

    #[tokio::test]
    async fn addresses_inside_are_refused_whether_written_or_resolved() {
        for url in [
            "http://127.0.0.1:9/secret",
            "http://2130706433:9/secret",
            "http://0x7f.1:9/secret",
            "http://017700000001:9/secret",
            "http://[::1]:9/secret",
            "http://[::ffff:127.0.0.1]:9/secret",
            "http://localhost:9/secret",
        ] {
            assert!(matches!(post(Vec::new(), url).await, Err(OutgoingError::AddressRefused)), "{url}");
        }
    }

    #[tokio::test]
    async fn an_allowed_range_is_reached_and_its_wish_to_wait_is_read() {
        let (port, task) = server("HTTP/1.1 429 Slow\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n").await;
        let response = post(loopback(), &format!("http://127.0.0.1:{port}/x")).await.unwrap();
        assert_eq!((response.status, response.retry_after), (429, Some(Duration::from_secs(7))));
        task.await.unwrap();
    }

    #[tokio::test]
    async fn the_beginning_of_an_answer_is_told_in_one_line_and_may_break_off() {
        let (port, task) =
            server("HTTP/1.1 400 Bad\r\ncontent-length: 99\r\n\r\nno\r\n\x1b[1m such\u{7} team").await;
        let response = post(loopback(), &format!("http://127.0.0.1:{port}/x")).await.unwrap();
        assert_eq!((response.status, &*response.text), (400, "no [1m such team"));
        task.await.unwrap();
    }

    #[tokio::test]
    async fn a_redirect_is_an_answer_and_not_followed() {
        let answer = "HTTP/1.1 302 Found\r\nlocation: http://10.0.0.1/\r\ncontent-length: 0\r\n\r\n";
        let (port, task) = server(answer).await;
        let response = post(loopback(), &format!("http://localhost:{port}/x")).await.unwrap();
        assert_eq!(response.status, 302);
        task.await.unwrap();
    }

    #[tokio::test]
    async fn an_error_does_not_tell_the_url() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let error = post(loopback(), &format!("http://127.0.0.1:{port}/T0/B0/secret")).await.unwrap_err();
        assert!(matches!(error, OutgoingError::Unreachable(_)));
        assert!(!format!("{error} {error:?} {:?}", error.source()).contains("secret"));
    }
}
