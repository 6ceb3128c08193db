//! How connections to Redis are made, and the one that all operations share: it is made again in the background when it breaks.

use std::path::PathBuf;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ConnectionAddr, IntoConnectionInfo, RedisConnectionInfo};
use redis::{RedisError, TlsCertificates};
use secrecy::{ExposeSecret, SecretString};
use tokio_util::sync::CancellationToken;

use super::address::{RedisAddress, Tls};
use super::client::RedisClient;

/// How long making a connection may take, with all that is said at its begin.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(1);
/// Between two attempts, doubled from the first to the last; of each a random half is taken off.
const PAUSE_FIRST: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(1);
/// A file with certificates holds no more, in bytes.
const CERTIFICATES_BYTES_MAX: u64 = 1 << 20;

/// How to reach Redis, and what this installation's keys begin with.
#[derive(Debug, Clone)]
pub struct RedisOptions {
    pub address: RedisAddress,
    pub password: Option<SecretString>,
    /// Certificates of the authorities that are trusted (PEM); those that this machine trusts unless named.
    pub ca_file: Option<PathBuf>,
    pub prefix: String,
}

/// Why there can be no client.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    #[error("cannot read certificates from {path}")]
    File { path: PathBuf, source: std::io::Error },
    #[error("Redis' client cannot be set up")]
    Client(#[source] RedisError),
}

/// Makes connections.
pub(super) fn opener(options: &RedisOptions) -> Result<Client, SetupError> {
    let address = &options.address;
    let (host, port) = (address.host.clone(), address.port);
    let to = match address.tls {
        Tls::Off => ConnectionAddr::Tcp(host, port),
        Tls::On => ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None },
    };
    let mut settings = RedisConnectionInfo::default().set_db(address.database.into());
    if let Some(user) = &address.user {
        settings = settings.set_username(user);
    }
    if let Some(password) = &options.password {
        settings = settings.set_password(password.expose_secret());
    }
    let info = to.into_connection_info().map_err(SetupError::Client)?.set_redis_settings(settings);
    if address.tls == Tls::Off {
        return Client::open(info).map_err(SetupError::Client);
    }
    // The library takes the process's own; an error says that there is one already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let root_cert = options.ca_file.as_ref().map(certificates).transpose()?;
    Client::build_with_tls(info, TlsCertificates { client_tls: None, root_cert }).map_err(SetupError::Client)
}

fn certificates(path: &PathBuf) -> Result<Vec<u8>, SetupError> {
    let failed = |source| SetupError::File { path: path.clone(), source };
    let length = std::fs::metadata(path).map_err(failed)?.len();
    if length > CERTIFICATES_BYTES_MAX {
        return Err(failed(std::io::ErrorKind::FileTooLarge.into()));
    }
    std::fs::read(path).map_err(failed)
}

/// A new connection. Its operations have no deadline of their own.
pub(super) async fn connect(opener: &Client) -> Result<MultiplexedConnection, RedisError> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT_TIME_MAX))
        .set_response_timeout(None);
    let connecting = opener.get_multiplexed_async_connection_with_config(&config);
    match tokio::time::timeout(CONNECT_TIME_MAX, connecting).await {
        Ok(connected) => connected,
        Err(_) => Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()),
    }
}

/// How long to wait before the next of several attempts.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failed: u32,
}

impl Backoff {
    pub(super) fn reset(&mut self) {
        self.failed = 0;
    }

    pub(super) fn next(&mut self) -> Duration {
        let doubled = PAUSE_FIRST.saturating_mul(2_u32.saturating_pow(self.failed));
        self.failed = self.failed.saturating_add(1);
        doubled.min(PAUSE_MAX).mul_f64(0.5 + fastrand::f64() / 2.0)
    }
}

/// Sees to it that there is a connection, until it is told to stop.
pub(super) async fn keep(client: RedisClient, stop: CancellationToken) {
    let mut backoff = Backoff::default();
    while !stop.is_cancelled() {
        match connect(client.opener()).await {
            Ok(connection) => {
                tracing::info!("Redis is connected");
                backoff.reset();
                client.put_connection(connection);
                tokio::select! {
                    () = client.lost_connection() => tracing::warn!("the connection to Redis is lost"),
                    () = stop.cancelled() => {}
                }
            }
            Err(error) => client.cannot_connect(&error),
        }
        let _ = stop.run_until_cancelled(tokio::time::sleep(backoff.next())).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_a_second() {
        let mut backoff = Backoff::default();
        let pauses: Vec<Duration> = (0..40).map(|_| backoff.next()).collect();
        assert!(pauses[0] <= PAUSE_FIRST && pauses[0] >= PAUSE_FIRST / 2, "{pauses:?}");
        assert!(pauses.iter().all(|pause| *pause <= PAUSE_MAX));
        assert!(pauses[39] >= PAUSE_MAX / 2);
        backoff.reset();
        assert!(backoff.next() <= PAUSE_FIRST);
    }

    #[test]
    fn a_file_without_certificates_is_named() {
        let options = RedisOptions {
            address: RedisAddress::parse("rediss://cache").unwrap(),
            password: None,
            ca_file: Some("no/such/file.pem".into()),
            prefix: "t:".into(),
        };
        assert!(opener(&options).unwrap_err().to_string().contains("no/such/file.pem"));
        assert!(opener(&RedisOptions { ca_file: None, ..options }).is_ok());
    }
}
