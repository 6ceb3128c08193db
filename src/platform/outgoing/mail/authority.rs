//! Who vouches for a mail server.

use std::fmt;

use lettre::transport::smtp;
use lettre::transport::smtp::client::{Certificate, TlsParameters};

const CERTIFICATE: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// Authorities that a certificate is checked against.
#[derive(Clone, Default)]
pub enum MailAuthority {
    /// The system's.
    #[default]
    System,
    /// These beside the system's.
    Also(Certificate),
}

/// It holds no certificates in PEM, or some that are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected certificates in PEM")]
pub struct MailAuthorityError;

impl MailAuthority {
    /// Of the text of a file with certificates in PEM, one after the other.
    pub fn parse(pem: &[u8]) -> Result<Self, MailAuthorityError> {
        let is_pem = pem.windows(CERTIFICATE.len()).any(|window| window == CERTIFICATE);
        let certificate = Certificate::from_pem(pem).ok().filter(|_| is_pem).ok_or(MailAuthorityError)?;
        let authority = Self::Also(certificate);
        // What is in them is looked at when they are used.
        authority.tls("localhost".to_owned()).map_err(|_| MailAuthorityError)?;
        Ok(authority)
    }

    /// How a server of this name is to be spoken to.
    pub(super) fn tls(&self, host: String) -> Result<TlsParameters, smtp::Error> {
        match self {
            Self::System => TlsParameters::new(host),
            Self::Also(certificate) => {
                TlsParameters::builder(host).add_root_certificate(certificate.clone()).build()
            }
        }
    }
}

impl fmt::Debug for MailAuthority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::System => "System",
            Self::Also(_) => "Also(..)",
        })
    }
}
