//! Mail over TLS, to a server whose authority is made by the test.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::*;

/// An authority in PEM, and what a server named `localhost` shows that it vouches for.
fn authority() -> (String, TlsAcceptor) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    (issuer.pem(), TlsAcceptor::from(Arc::new(config)))
}

/// Serves one dialogue; gives what it heard over TLS.
async fn server(tls: MailTls, acceptor: TlsAcceptor) -> (u16, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    #[expect(clippy::disallowed_methods, reason = "a test's own server")]
    let task = tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        match tls {
            MailTls::StartTls => {
                let mut socket = BufReader::new(socket);
                socket.write_all(b"220 mail.test\r\n").await.unwrap();
                let mut line = String::new();
                while !line.starts_with("STARTTLS") {
                    line.clear();
                    socket.read_line(&mut line).await.unwrap();
                    let answer: &[u8] = if line.starts_with("EHLO") {
                        b"250-mail.test\r\n250 STARTTLS\r\n"
                    } else {
                        b"220 go on\r\n"
                    };
                    socket.write_all(answer).await.unwrap();
                }
                private(socket.into_inner(), acceptor, "").await
            }
            MailTls::Immediate => private(socket, acceptor, "220 mail.test\r\n").await,
            MailTls::Off => unreachable!("there is a test of its own"),
        }
    });
    (port, task)
}

/// What was heard; nothing from a client that does not trust the server.
async fn private(
    socket: impl AsyncRead + AsyncWrite + Unpin,
    acceptor: TlsAcceptor,
    greeting: &str,
) -> String {
    let Ok(socket) = acceptor.accept(socket).await else { return String::new() };
    let mut socket = BufReader::new(socket);
    let greeted = socket.write_all(greeting.as_bytes()).await;
    let flushed = socket.flush().await;
    if greeted.and(flushed).is_err() {
        return String::new();
    }
    dialogue(socket, &[]).await
}

fn asked(tls: MailTls, port: u16, authority: MailAuthority) -> MailServer {
    let login = MailLogin::As { user: "alerts".into(), password: "secret".into() };
    MailServer { tls, authority, login, ..plain("localhost", port) }
}

#[tokio::test]
async fn a_server_whose_authority_is_named_gets_the_login_and_the_message_over_tls() {
    for tls in [MailTls::StartTls, MailTls::Immediate] {
        let (pem, acceptor) = authority();
        let (port, task) = server(tls, acceptor).await;
        let authority = MailAuthority::parse(pem.as_bytes()).unwrap();
        let answer = send(&["127.0.0.0/8"], &asked(tls, port, authority)).await.unwrap();
        assert_eq!(&*answer, "250 as you wish", "{tls:?}");
        let heard = task.await.unwrap();
        for expected in ["AUTH PLAIN AGFsZXJ0cwBzZWNyZXQ=\r\n", "RCPT TO:<ops@example.com>", "\r\nfirst\r\n"]
        {
            assert!(heard.contains(expected), "{tls:?}: {expected} in\n{heard}");
        }
    }
}

#[tokio::test]
async fn a_server_that_nobody_vouches_for_gets_nothing() {
    for tls in [MailTls::StartTls, MailTls::Immediate] {
        let (other, _) = authority();
        for trusted in [MailAuthority::System, MailAuthority::parse(other.as_bytes()).unwrap()] {
            let (_, acceptor) = authority();
            let (port, task) = server(tls, acceptor).await;
            let error = send(&["127.0.0.0/8"], &asked(tls, port, trusted)).await.unwrap_err();
            assert!(matches!(error, MailError::Broken(_)), "{tls:?}: {error:?}");
            assert_eq!(task.await.unwrap(), "");
        }
    }
}

#[test]
fn what_holds_no_certificates_is_no_authority() {
    let (pem, _) = authority();
    let torn = pem.replacen("MII", "AAA", 1);
    for text in ["", "authority", "-----BEGIN CERTIFICATE-----\nx", &torn] {
        assert!(MailAuthority::parse(text.as_bytes()).is_err(), "{text}");
    }
}
