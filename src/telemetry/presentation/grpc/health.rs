//! `grpc.health.v1`: whether the server takes requests, overall (`""`) and for each OTLP service.

use std::time::Duration;

use tonic_health::ServingStatus;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::server::HealthReporter;

use crate::platform::health::Readiness;
use crate::shared::Signal;

/// How often readiness is looked at. The stop is seen at once.
const POLL_INTERVAL: Duration = Duration::from_millis(250);
/// A request names one service.
const REQUEST_BYTES_MAX: usize = 4_096;

/// The service, kept up to date by a task until the process stops.
pub(super) async fn service(served: &[Signal], readiness: &Readiness) -> HealthServer<impl Health + use<>> {
    let mut states = States {
        reporter: HealthReporter::new(),
        names: [""].into_iter().chain(served.iter().copied().map(super::service_name)).collect(),
    };
    let server =
        HealthServer::new(tonic_health::server::HealthService::from_health_reporter(states.reporter.clone()));
    states.set(status(readiness)).await;
    let watched = readiness.clone();
    readiness.lifecycle().spawn("grpc health", async move {
        let stop = watched.lifecycle().stop_token();
        while stop.run_until_cancelled(tokio::time::sleep(POLL_INTERVAL)).await.is_some() {
            states.set(status(&watched)).await;
        }
        states.end().await;
    });
    server.max_decoding_message_size(REQUEST_BYTES_MAX)
}

fn status(readiness: &Readiness) -> ServingStatus {
    if readiness.problem().is_none() { ServingStatus::Serving } else { ServingStatus::NotServing }
}

struct States {
    reporter: HealthReporter,
    names: Vec<&'static str>,
}

impl States {
    async fn set(&self, status: ServingStatus) {
        for name in &self.names {
            self.reporter.set_service_status(name, status).await;
        }
    }

    /// Whoever watches hears that it is over and is let go: a watch without end would hold up the stop.
    async fn end(&mut self) {
        self.set(ServingStatus::NotServing).await;
        for name in &self.names {
            self.reporter.clear_service_status(name).await;
        }
        self.set(ServingStatus::NotServing).await;
    }
}

#[cfg(test)]
mod tests {
    use tonic_health::pb::HealthCheckRequest;
    use tonic_health::pb::health_client::HealthClient;

    use super::*;
    use crate::platform::lifecycle::Lifecycle;

    #[tokio::test]
    async fn a_worker_that_failed_makes_every_service_not_serving() {
        let lifecycle = Lifecycle::default();
        let mut client =
            HealthClient::new(service(&[Signal::Logs], &Readiness::new(lifecycle.clone(), Vec::new())).await);
        let mut both = async || {
            let mut found = Vec::new();
            for service in ["", super::super::service_name(Signal::Logs)] {
                let request = HealthCheckRequest { service: service.to_owned() };
                found.push(client.check(request).await.unwrap().into_inner().status);
            }
            found
        };
        assert_eq!(both().await, [ServingStatus::Serving as i32; 2]);
        lifecycle.thread("hasty", || {}).unwrap().join().unwrap();
        let noticed = async {
            while both().await != [ServingStatus::NotServing as i32; 2] {
                tokio::time::sleep(POLL_INTERVAL / 10).await;
            }
        };
        tokio::time::timeout(POLL_INTERVAL * 40, noticed).await.expect("it goes on as if nothing were");
        lifecycle.stop();
        lifecycle.wait().await;
        assert_eq!(both().await, [ServingStatus::NotServing as i32; 2]);
    }
}
