//! Reads one section `[channels.NAME]`: what each kind of channel needs, and what it may not have.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::reader::{Reader, text_of};
use super::written::Written;
use super::{Channel, ChannelKind, EmailChannel, SendResolved, WebhookSigning};
use crate::platform::outgoing::{
    MailAddress, MailAuthority, MailLogin, MailServer, MailTls, SecretUrl, SigningSecret,
};

/// Where PagerDuty takes events (developer.pagerduty.com, "Send an alert event").
const PAGERDUTY: &str = "https://events.pagerduty.com/v2/enqueue";

const URL_ALLOWED: &str = "allowed: an address that begins with https:// or http://";
const SECRET_ALLOWED: &str =
    "allowed: whsec_ and 24 to 64 bytes in base64, as receivers of Standard Webhooks make them";
const ROUTING_KEY_ALLOWED: &str = "allowed: the integration key of PagerDuty, 1 to 64 letters and digits";
const ROUTING_KEY_CHARS_MAX: usize = 64;
const ADDRESS_ALLOWED: &str = "allowed: an address like ops@example.com or Alerts <ops@example.com>";
const TO_ALLOWED: &str = "allowed: a list of 1 to 100 addresses like [\"ops@example.com\"]";
const SMTP_ALLOWED: &str = "allowed: a mail server like mail.example.com or mail.example.com:587";

const CA_FILE_ALLOWED: &str = "allowed: a file of at most 1 MiB with certificates in PEM";
const CA_FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Most addresses that one message goes to.
const TO_MAX: usize = 100;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Slack,
    Webhook,
    PagerDuty,
    Email,
}

impl Kind {
    const NAMES: [(&'static str, Option<Self>); 4] = [
        ("slack", Some(Self::Slack)),
        ("webhook", Some(Self::Webhook)),
        ("pagerduty", Some(Self::PagerDuty)),
        ("email", Some(Self::Email)),
    ];

    fn takes(self, key: &str) -> bool {
        match key {
            "kind" | "send_resolved" => true,
            "url" => self != Self::Email,
            "secret" => self == Self::Webhook,
            "routing_key" => self == Self::PagerDuty,
            _ => self == Self::Email,
        }
    }
}

/// Absent if its kind is not known, which is a mistake that was recorded.
pub(super) fn channel(reader: &mut Reader, path: &str) -> Option<Channel> {
    let kind = reader.choice(&format!("{path}.kind"), &Kind::NAMES, None)?;
    for key in super::keys::CHANNELS.keys.iter().filter(|key| !kind.takes(key)) {
        let key = format!("{path}.{key}");
        if reader.is_written(&key) {
            let name = Kind::NAMES.iter().find(|(_, one)| *one == Some(kind)).map_or("", |(name, _)| *name);
            reader.refuse(&key, &format!("a channel of kind \"{name}\" has no such key"));
        }
    }
    let kind = match kind {
        Kind::Slack => ChannelKind::Slack { url: url(reader, path)? },
        Kind::Webhook => ChannelKind::Webhook { url: url(reader, path)?, signing: signing(reader, path) },
        Kind::PagerDuty => {
            let address = match reader.is_written(&format!("{path}.url")) {
                true => url(reader, path),
                false => SecretUrl::parse(PAGERDUTY).ok(),
            };
            ChannelKind::PagerDuty { routing_key: routing_key(reader, path), url: address? }
        }
        Kind::Email => ChannelKind::Email(email(reader, path)?),
    };
    Some(Channel { kind, send_resolved: send_resolved(reader, path) })
}

fn send_resolved(reader: &mut Reader, path: &str) -> SendResolved {
    let path = format!("{path}.send_resolved");
    if !reader.is_written(&path) {
        return SendResolved::Yes;
    }
    reader.read(&path, SendResolved::Yes, |written| {
        // A truth value is written without quotes.
        match written {
            Written::Foreign(text) | Written::Bare(text) if text == "true" => Ok(SendResolved::Yes),
            Written::Foreign(text) | Written::Bare(text) if text == "false" => Ok(SendResolved::No),
            _ => Err("allowed: true, false".to_owned()),
        }
    })
}

fn url(reader: &mut Reader, path: &str) -> Option<SecretUrl> {
    reader.read(&format!("{path}.url"), None, |written| {
        text_of(written)
            .and_then(|text| SecretUrl::parse(text).ok())
            .map(Some)
            .ok_or_else(|| URL_ALLOWED.to_owned())
    })
}

fn signing(reader: &mut Reader, path: &str) -> WebhookSigning {
    let path = format!("{path}.secret");
    if !reader.is_written(&path) {
        return WebhookSigning::Off;
    }
    reader.read(&path, WebhookSigning::Off, |written| {
        text_of(written)
            .and_then(|text| SigningSecret::parse(text).ok())
            .map(WebhookSigning::With)
            .ok_or_else(|| SECRET_ALLOWED.to_owned())
    })
}

fn routing_key(reader: &mut Reader, path: &str) -> SecretString {
    reader.read(&format!("{path}.routing_key"), SecretString::default(), |written| {
        let fits = |text: &&str| {
            (1..=ROUTING_KEY_CHARS_MAX).contains(&text.len())
                && text.bytes().all(|b| b.is_ascii_alphanumeric())
        };
        text_of(written).filter(fits).map(SecretString::from).ok_or_else(|| ROUTING_KEY_ALLOWED.to_owned())
    })
}

fn email(reader: &mut Reader, path: &str) -> Option<EmailChannel> {
    let kinds = [("starttls", MailTls::StartTls), ("tls", MailTls::Immediate), ("off", MailTls::Off)];
    let tls = match reader.is_written(&format!("{path}.tls")) {
        true => reader.choice(&format!("{path}.tls"), &kinds, MailTls::StartTls),
        false => MailTls::StartTls,
    };
    let server = reader.read(&format!("{path}.smtp"), None, |written| {
        text_of(written)
            .and_then(|text| host_and_port(text, usual_port(tls)))
            .map(Some)
            .ok_or_else(|| SMTP_ALLOWED.to_owned())
    });
    let login = login(reader, path, tls);
    let (ca_file, authority) = authority(reader, path);
    let from = reader.read(&format!("{path}.from"), None, |written| {
        text_of(written)
            .and_then(|text| MailAddress::parse(text).ok())
            .map(Some)
            .ok_or_else(|| ADDRESS_ALLOWED.to_owned())
    });
    let to = reader.read(&format!("{path}.to"), Vec::new(), |written| {
        recipients(written).ok_or_else(|| TO_ALLOWED.to_owned())
    });
    let (host, port) = server?;
    Some(EmailChannel { server: MailServer { host, port, tls, authority, login }, ca_file, from: from?, to })
}

/// The file, and what is in it.
fn authority(reader: &mut Reader, path: &str) -> (Option<PathBuf>, MailAuthority) {
    let key = format!("{path}.ca_file");
    if !reader.is_written(&key) {
        return (None, MailAuthority::System);
    }
    let file = PathBuf::from(reader.text(&key));
    let authority = reader.read(&key, MailAuthority::System, |_| {
        let pem = pem(&file).ok_or_else(|| CA_FILE_ALLOWED.to_owned())?;
        MailAuthority::parse(&pem).map_err(|_| CA_FILE_ALLOWED.to_owned())
    });
    (Some(file), authority)
}

/// Absent if it cannot be read, or is larger than any such file.
fn pem(file: &Path) -> Option<Vec<u8>> {
    let mut pem = Vec::new();
    File::open(file).ok()?.take(CA_FILE_BYTES_MAX + 1).read_to_end(&mut pem).ok()?;
    (u64::try_from(pem.len()).ok()? <= CA_FILE_BYTES_MAX).then_some(pem)
}

fn recipients(written: &Written) -> Option<Vec<MailAddress>> {
    let items: Vec<&str> = match written {
        Written::List(items) => items.iter().map(String::as_str).collect(),
        // From the environment.
        Written::Bare(text) => text.split(',').collect(),
        _ => return None,
    };
    let to: Vec<_> = items.into_iter().map(|item| MailAddress::parse(item).ok()).collect::<Option<_>>()?;
    (1..=TO_MAX).contains(&to.len()).then_some(to)
}

/// The ports of submission, of submission over TLS, and of delivery (RFC 8314, RFC 5321).
const fn usual_port(tls: MailTls) -> u16 {
    match tls {
        MailTls::StartTls => 587,
        MailTls::Immediate => 465,
        MailTls::Off => 25,
    }
}

/// A host with or without a port; an IPv6 address stands in brackets.
fn host_and_port(text: &str, usual: u16) -> Option<(Box<str>, u16)> {
    let text = text.trim();
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']')?;
            (host, rest.strip_prefix(':').map_or(rest.is_empty().then_some(usual), |port| port.parse().ok())?)
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, port.parse().ok()?),
            None => (text, usual),
        },
    };
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '%');
    (!host.is_empty() && host.chars().all(fits) && port != 0).then(|| (host.into(), port))
}

/// A user and a password, or neither; never in the clear.
fn login(reader: &mut Reader, path: &str, tls: MailTls) -> MailLogin {
    let (user_key, password_key) = (format!("{path}.user"), format!("{path}.password"));
    let (has_user, has_password) = (reader.is_written(&user_key), reader.is_written(&password_key));
    if !has_user && !has_password {
        return MailLogin::None;
    }
    if tls == MailTls::Off {
        let key = if has_password { &password_key } else { &user_key };
        reader.refuse(key, "a password is sent over TLS only: tls has to be \"starttls\" or \"tls\"");
        return MailLogin::None;
    }
    let user = reader.text(&user_key).into();
    let password = reader.text(&password_key).into();
    MailLogin::As { user, password }
}
