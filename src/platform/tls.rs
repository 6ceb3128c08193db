//! Connections to the server: TCP with a deadline, and TLS where the address begins with `https`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;

/// How long connecting may take, TLS apart.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);
/// How often the other end of an idle connection is asked whether it is there.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// Whose word is taken for who a server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// The authorities that this machine trusts.
    System,
    /// Those in a file (PEM), and nobody else.
    File(PathBuf),
}

/// Why there can be no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("cannot read certificates from {path}")]
    File { path: PathBuf, source: rustls::pki_types::pem::Error },
    #[error("{path} holds no certificate")]
    Empty { path: PathBuf },
    #[error("TLS cannot be set up")]
    Setup(#[from] rustls::Error),
}

pub fn connector(trust: &Trust) -> Result<HttpsConnector<HttpConnector>, TlsError> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_connect_timeout(Some(CONNECT_TIME_MAX));
    tcp.set_keepalive(Some(KEEPALIVE));
    tcp.set_nodelay(true);
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let config = match trust {
        Trust::System => config.with_platform_verifier()?,
        Trust::File(path) => config.with_root_certificates(roots(path)?),
    };
    let https = HttpsConnectorBuilder::new().with_tls_config(config.with_no_client_auth());
    Ok(https.https_or_http().enable_http1().wrap_connector(tcp))
}

fn roots(path: &PathBuf) -> Result<RootCertStore, TlsError> {
    let failed = |source| TlsError::File { path: path.clone(), source };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(failed)? {
        roots.add(certificate.map_err(failed)?)?;
    }
    if roots.is_empty() { Err(TlsError::Empty { path: path.clone() }) } else { Ok(roots) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_certificates_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for path in [file.path().to_owned(), PathBuf::from("no/such/file.pem")] {
            let error = connector(&Trust::File(path.clone())).unwrap_err();
            assert!(error.to_string().contains(&path.display().to_string()), "{error}");
        }
        assert!(connector(&Trust::System).is_ok());
    }
}
