//! E-mail over SMTP, to a server whose address is checked before it is connected to.

mod authority;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use lettre::message::header::ContentType;
use lettre::message::{Mailbox, MessageBuilder};
use lettre::transport::smtp;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::Tls;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::timeout;

pub use authority::{MailAuthority, MailAuthorityError};

use super::{CONNECT_TIMEOUT, OutgoingClient, OutgoingError, one_line};
use crate::shared::Timestamp;

/// From the connection to the server's last word.
const DIALOGUE_TIMEOUT: Duration = Duration::from_secs(30);

/// Whom mail is given to.
#[derive(Debug, Clone)]
pub struct MailServer {
    /// A name, or an address.
    pub host: Box<str>,
    pub port: u16,
    pub tls: MailTls,
    /// Whom its certificate is checked against.
    pub authority: MailAuthority,
    pub login: MailLogin,
}

/// How the connection is kept private.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailTls {
    /// After a greeting in the clear; a server that does not offer it gets nothing.
    StartTls,
    /// From the first byte on.
    Immediate,
    /// Not at all.
    Off,
}

#[derive(Debug, Clone)]
pub enum MailLogin {
    None,
    As { user: Box<str>, password: SecretString },
}

/// An address, perhaps with a name: `Alerts <alerts@example.com>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailAddress(Mailbox);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an address is written like ops@example.com or Alerts <ops@example.com>")]
pub struct MailAddressError;

impl MailAddress {
    pub fn parse(text: &str) -> Result<Self, MailAddressError> {
        text.trim().parse().map(Self).map_err(|_| MailAddressError)
    }

    /// What stands behind the `@`.
    pub fn host(&self) -> &str {
        self.0.email.domain()
    }
}

impl std::fmt::Display for MailAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// A message of plain text.
#[derive(Debug, Clone)]
pub struct Mail {
    pub from: MailAddress,
    pub to: Vec<MailAddress>,
    /// One line.
    pub subject: String,
    pub text: String,
    /// With its angle brackets; the same for a message that is sent again.
    pub message_id: String,
    /// The id of the conversation that it belongs to, in angle brackets.
    pub thread: String,
    pub at: Timestamp,
}

/// Why mail was not taken. Names no password.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    #[error(transparent)]
    NotReached(#[from] OutgoingError),
    /// The message cannot be written.
    #[error("it makes no valid message")]
    Message(#[source] lettre::error::Error),
    /// The server does not want it now (4xx).
    #[error("the mail server does not take it now")]
    NotNow(#[source] smtp::Error),
    /// The server will never take it (5xx), or offers no way that both sides know.
    #[error("the mail server refuses it")]
    Refused(#[source] smtp::Error),
    #[error("the mail server cannot be spoken to")]
    Broken(#[source] smtp::Error),
}

/// Which of a server's addresses is tried next.
#[derive(Debug, Default)]
pub(super) struct Rotation(AtomicUsize);

impl OutgoingClient {
    /// Gives one message to the server; gives what it said.
    pub async fn mail(&self, server: &MailServer, mail: Mail) -> Result<Box<str>, MailError> {
        let message = written(mail).map_err(MailError::Message)?;
        let look_up = self.admitted(&server.host, server.port);
        let addresses = timeout(CONNECT_TIMEOUT, look_up).await.map_err(|_| OutgoingError::TimedOut)??;
        // What fails is tried again by the caller, then with the next address.
        let attempt = self.rotation.0.fetch_add(1, Ordering::Relaxed);
        let Some(address) = addresses.get(attempt % addresses.len()) else {
            return Err(OutgoingError::AddressRefused.into());
        };
        let host = server.host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let tls = match server.tls {
            MailTls::StartTls => Tls::Required(server.authority.tls(host).map_err(MailError::Broken)?),
            MailTls::Immediate => Tls::Wrapper(server.authority.tls(host).map_err(MailError::Broken)?),
            MailTls::Off => Tls::None,
        };
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(address.ip().to_string())
            .port(address.port())
            .timeout(Some(CONNECT_TIMEOUT))
            .tls(tls);
        if let MailLogin::As { user, password } = &server.login {
            let credentials = Credentials::new(user.to_string(), password.expose_secret().to_owned());
            transport = transport.credentials(credentials);
        }
        let sent = timeout(DIALOGUE_TIMEOUT, transport.build().send(message)).await;
        let response = sent.map_err(|_| OutgoingError::TimedOut)?.map_err(judged)?;
        let lines: Vec<&str> = response.message().collect();
        Ok(one_line(&format!("{} {}", response.code(), lines.join(" "))))
    }
}

fn judged(error: smtp::Error) -> MailError {
    if error.is_transient() {
        MailError::NotNow(error)
    } else if error.is_permanent() || error.is_client() {
        MailError::Refused(error)
    } else {
        MailError::Broken(error)
    }
}

fn written(mail: Mail) -> Result<Message, lettre::error::Error> {
    let since_epoch = Duration::from_nanos(u64::try_from(mail.at.nanos()).unwrap_or_default());
    let message: MessageBuilder = Message::builder()
        .from(mail.from.0)
        .subject(one_line(&mail.subject))
        .date(UNIX_EPOCH + since_epoch)
        .message_id(Some(mail.message_id))
        .in_reply_to(mail.thread.clone())
        .references(mail.thread)
        .header(ContentType::TEXT_PLAIN);
    mail.to.into_iter().map(|address| address.0).fold(message, MessageBuilder::to).body(mail.text)
}

#[cfg(test)]
mod tests;
