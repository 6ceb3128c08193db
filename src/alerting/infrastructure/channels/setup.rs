//! Puts channels, outboxes and workers together, as configured: one outbox and one worker per address.

use std::collections::HashMap;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use super::email::Email;
use super::pagerduty::PagerDuty;
use super::slack::Slack;
use super::webhook::{Signing, Webhook};
use crate::alerting::application::backoff::Pacing;
use crate::alerting::application::delivery::channel::Channel;
use crate::alerting::application::delivery::outbox::Outbox;
use crate::alerting::application::delivery::outboxes::{Address, Outboxes, Registered, Resolved};
use crate::alerting::application::delivery::turn::Turns;
use crate::alerting::application::delivery::worker::Worker;
use crate::alerting::application::metrics::AlertingMetrics;
use crate::alerting::application::outbox_ledger::OutboxLedger;
use crate::alerting::domain::external_url::ExternalUrl;
use crate::platform::outgoing::{MailAddress, MailServer, OutgoingClient, SecretUrl};
use crate::shared::Clock;

/// A configured channel.
#[derive(Debug, Clone)]
pub struct ChannelSetup {
    /// The name by which rules and routes know it.
    pub name: Box<str>,
    pub resolved: Resolved,
    pub target: Target,
}

/// Whom a channel speaks to.
#[derive(Debug, Clone)]
pub enum Target {
    Slack { url: SecretUrl },
    Webhook { url: SecretUrl, signing: Signing },
    PagerDuty { url: SecretUrl, routing_key: SecretString },
    Email { server: MailServer, from: MailAddress, to: Vec<MailAddress> },
}

/// What all channels work with.
pub struct Surroundings {
    pub outgoing: OutgoingClient,
    pub ledger: Arc<dyn OutboxLedger>,
    pub clock: Arc<dyn Clock>,
    pub pacing: Pacing,
    pub external_url: ExternalUrl,
    pub metrics: AlertingMetrics,
}

/// What may be spoken to by one at a time. Holds secrets: never shown.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Place {
    Url(SecretUrl),
    /// PagerDuty's rates are counted by integration.
    Integration(SecretUrl, Box<str>),
    Mail(Box<str>, u16),
}

/// The outboxes, and the workers that empty them.
pub fn deliveries(
    setups: Vec<ChannelSetup>,
    surroundings: &Surroundings,
    random: &mut fastrand::Rng,
) -> (Outboxes, Vec<Worker>) {
    let Surroundings { ledger, clock, pacing, metrics, .. } = surroundings;
    let mut workers: HashMap<Place, Worker> = HashMap::new();
    let mut pairs = Vec::new();
    for ChannelSetup { name, resolved, target } in setups {
        let (place, kind, channel) = spoken_to(target, surroundings);
        let registered = Arc::new(Registered::new(name.clone(), kind, resolved, channel));
        let worker = workers.entry(place).or_insert_with(|| Worker {
            address: Arc::new(Address { outbox: Outbox::default(), turns: Turns::new(pacing.message_gap) }),
            channels: HashMap::new(),
            ledger: Arc::clone(ledger),
            clock: Arc::clone(clock),
            pacing: *pacing,
            random: random.fork(),
            metrics: metrics.clone(),
        });
        worker.channels.insert(name, Arc::clone(&registered));
        pairs.push((registered, Arc::clone(&worker.address)));
    }
    let outboxes = Outboxes::new(pairs, Arc::clone(ledger), Arc::clone(clock), random.fork());
    (outboxes, workers.into_values().collect())
}

fn spoken_to(target: Target, surroundings: &Surroundings) -> (Place, &'static str, Box<dyn Channel>) {
    let (client, clock) = (surroundings.outgoing.clone(), Arc::clone(&surroundings.clock));
    let external_url = surroundings.external_url.clone();
    match target {
        Target::Slack { url } => {
            (Place::Url(url.clone()), "slack", Box::new(Slack { client, url, external_url }))
        }
        Target::Webhook { url, signing } => (
            Place::Url(url.clone()),
            "webhook",
            Box::new(Webhook { client, url, signing, clock, external_url }),
        ),
        Target::PagerDuty { url, routing_key } => (
            Place::Integration(url.clone(), routing_key.expose_secret().into()),
            "pagerduty",
            Box::new(PagerDuty { client, url, routing_key, external_url }),
        ),
        Target::Email { server, from, to } => (
            Place::Mail(server.host.clone(), server.port),
            "email",
            Box::new(Email { client, server, from, to, clock, external_url }),
        ),
    }
}

impl std::fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Surroundings").field("pacing", &self.pacing).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerting::application::delivery::fakes::{FakeLedger, FixedClock};
    use crate::alerting::domain::fixtures::second;
    use crate::platform::outgoing::{MailAuthority, MailLogin, MailTls};

    fn url(path: &str) -> SecretUrl {
        SecretUrl::parse(&format!("https://example.com/{path}")).unwrap()
    }

    #[tokio::test]
    async fn channels_with_one_address_share_a_worker() {
        let mail = |host: &str| Target::Email {
            server: MailServer {
                host: host.into(),
                port: 25,
                tls: MailTls::Off,
                authority: MailAuthority::System,
                login: MailLogin::None,
            },
            from: MailAddress::parse("a@b.de").unwrap(),
            to: vec![MailAddress::parse("c@d.de").unwrap()],
        };
        let duty = |key: &str| Target::PagerDuty { url: url("duty"), routing_key: key.into() };
        let targets = [
            ("a", Target::Slack { url: url("x") }),
            ("b", Target::Slack { url: url("x") }),
            ("c", Target::Webhook { url: url("y"), signing: Signing::Off }),
            ("d", duty("R1")),
            ("e", duty("R2")),
            ("f", mail("m")),
            ("g", mail("m")),
        ];
        let setups = targets.map(|(name, target)| ChannelSetup {
            name: name.into(),
            resolved: Resolved::Told,
            target,
        });
        let surroundings = Surroundings {
            outgoing: OutgoingClient::new(Vec::new()).unwrap(),
            ledger: Arc::new(FakeLedger::default()),
            clock: Arc::new(FixedClock(second(1))),
            pacing: Pacing::default(),
            external_url: ExternalUrl::default(),
            metrics: AlertingMetrics::default(),
        };
        let mut random = fastrand::Rng::with_seed(1);
        let (outboxes, workers) = deliveries(setups.into(), &surroundings, &mut random);
        assert_eq!(outboxes.names().collect::<String>(), "abcdefg");
        let mut served: Vec<String> = workers
            .iter()
            .map(|worker| {
                let mut names: Vec<&str> = worker.channels.keys().map(|name| &**name).collect();
                names.sort_unstable();
                names.concat()
            })
            .collect();
        served.sort_unstable();
        assert_eq!(served, ["ab", "c", "d", "e", "fg"]);
    }
}
