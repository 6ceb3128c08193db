//! Delivery against a receiver that fails in every way, over the real database, across crashes.

use std::collections::{BTreeMap, HashMap};

use parking_lot::Mutex;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::alerting::application::backoff::Pacing;
use crate::alerting::application::delivery::outbox::Outbox;
use crate::alerting::application::delivery::outboxes::{Address, Outboxes, Registered, Resolved};
use crate::alerting::application::delivery::turn::Turns;
use crate::alerting::application::delivery::worker::Worker;
use crate::alerting::application::ledger::{Changes, Ledger};
use crate::alerting::application::metrics::AlertingMetrics;
use crate::alerting::infrastructure::state::{MIGRATIONS, StateLedger};
use crate::platform::state::{StateDatabase, StateOpenError, StateOptions, StateTarget};

const GAP: Duration = Duration::from_millis(5);
const PATIENCE: Duration = Duration::from_secs(60);
const ROUNDS: usize = 3;
const LIVES: usize = 4;
const TOLD_PER_LIFE: usize = 25;
const GROUPS: usize = 8;

/// A request as the receiver saw it.
#[derive(Debug, Clone)]
struct Heard {
    at: Instant,
    /// Which worker sent it.
    life: usize,
    /// The number of the notification.
    number: usize,
    group: String,
    is_firing: bool,
    is_taken: bool,
}

#[derive(Debug, Clone, Copy)]
enum Manner {
    Takes,
    Slow,
    Overloaded,
    Broken,
    Silent,
    TornHead,
    Closes,
}

/// Out of 20: how often it does what. Silence takes the longest.
const MANNERS: [(Manner, u8); 7] = [
    (Manner::Takes, 9),
    (Manner::Slow, 2),
    (Manner::Overloaded, 2),
    (Manner::Broken, 2),
    (Manner::Silent, 1),
    (Manner::TornHead, 2),
    (Manner::Closes, 2),
];

/// When a request to somebody silent is given up: long enough that it has been heard.
const REQUEST_TIMEOUT: Duration = Duration::from_millis(400);

fn manner(random: &mut fastrand::Rng) -> Manner {
    let mut drawn = random.u8(..20);
    for (manner, times) in MANNERS {
        match drawn.checked_sub(times) {
            Some(rest) => drawn = rest,
            None => return manner,
        }
    }
    Manner::Takes
}

/// Behaves as chance has it.
#[derive(Debug, Clone)]
struct Receiver {
    heard: Arc<Mutex<Vec<Heard>>>,
    life: Arc<Mutex<usize>>,
    random: Arc<Mutex<fastrand::Rng>>,
}

impl Receiver {
    async fn start(random: fastrand::Rng) -> (Self, SecretUrl) {
        let own = Self { heard: Arc::default(), life: Arc::default(), random: Arc::new(Mutex::new(random)) };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = SecretUrl::parse(&format!("http://{}/x", listener.local_addr().unwrap())).unwrap();
        let receiver = own.clone();
        #[expect(clippy::disallowed_methods, reason = "a test's own server")]
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let receiver = receiver.clone();
                tokio::spawn(async move { receiver.serve(socket).await });
            }
        });
        (own, url)
    }

    /// One request; a client that goes away in the middle is no news.
    async fn serve(self, socket: TcpStream) -> Option<()> {
        let mut socket = BufReader::new(socket);
        let mut length = 0;
        loop {
            let mut line = String::new();
            socket.read_line(&mut line).await.ok().filter(|count| *count > 0)?;
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        socket.read_exact(&mut body).await.ok()?;
        let manner = manner(&mut self.random.lock());
        self.note(&body, manner);
        let answer = match manner {
            Manner::Takes => "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
            Manner::Slow => {
                "HTTP/1.1 429 Slow\r\nretry-after: 0\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
            }
            Manner::Overloaded => "HTTP/1.1 503 Later\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
            Manner::Broken => "HTTP/1.1 500 Oops\r\nconnection: close\r\ncontent-length: 99\r\n\r\ntorn",
            Manner::TornHead => "HTTP/1.1 200 OK\r\ncontent-le",
            Manner::Closes => "",
            Manner::Silent => {
                // Until the other side gives up.
                let _ = socket.read_u8().await;
                return None;
            }
        };
        socket.write_all(answer.as_bytes()).await.ok()
    }

    fn note(&self, body: &[u8], manner: Manner) {
        let body: serde_json::Value = serde_json::from_slice(body).unwrap();
        let text = |pointer: &str| body.pointer(pointer).unwrap().as_str().unwrap().to_owned();
        self.heard.lock().push(Heard {
            at: Instant::now(),
            life: *self.life.lock(),
            number: text("/alerts/0/labels/number").parse().unwrap(),
            group: text("/groupKey"),
            is_firing: text("/status") == "firing",
            is_taken: matches!(manner, Manner::Takes),
        });
    }
}

/// One run of the process, as far as delivery goes.
struct Life {
    ledger: StateLedger,
    outboxes: Outboxes,
    address: Arc<Address>,
    worker: tokio::task::JoinHandle<()>,
    stop: CancellationToken,
}

impl Life {
    async fn begin(folder: &TempDir, url: &SecretUrl, outbox: Outbox, random: &mut fastrand::Rng) -> Self {
        let ledger = StateLedger::new(reopened(folder).await);
        let clock = Arc::new(FixedClock(second(1_000)));
        let client = client().with_timeout(REQUEST_TIMEOUT);
        let channel = Webhook {
            client,
            url: url.clone(),
            signing: Signing::Off,
            clock: Arc::clone(&clock) as Arc<_>,
            external_url: ExternalUrl::default(),
        };
        let registered = Arc::new(Registered::new("hook", "webhook", Resolved::Told, Box::new(channel)));
        let address = Arc::new(Address { outbox, turns: Turns::new(GAP) });
        let outboxes = Outboxes::new(
            [(Arc::clone(&registered), Arc::clone(&address))],
            Arc::new(ledger.clone()),
            Arc::clone(&clock) as Arc<_>,
            random.fork(),
        );
        let worker = Worker {
            address: Arc::clone(&address),
            channels: HashMap::from([("hook".into(), registered)]),
            ledger: Arc::new(ledger.clone()),
            clock,
            pacing: Pacing {
                message_gap: GAP,
                backoff_first: Duration::from_millis(1),
                backoff_max: Duration::from_millis(8),
                ..Pacing::default()
            },
            random: random.fork(),
            metrics: AlertingMetrics::default(),
        };
        outboxes.restore(&ledger).await.unwrap();
        let stop = CancellationToken::new();
        #[expect(clippy::disallowed_methods, reason = "a test's own task")]
        let worker = tokio::spawn(worker.run(stop.clone()));
        Self { ledger, outboxes, address, worker, stop }
    }

    /// As the last part of a step: written down, then handed over.
    async fn tell(&self, notification: Notification) {
        self.write(notification.clone()).await;
        self.outboxes.put(notification);
    }

    async fn write(&self, notification: Notification) {
        let mut changes = Changes::default();
        changes.notifications.push(notification);
        self.ledger.apply(changes).await.unwrap();
    }

    /// Wherever the worker is, it ends.
    async fn crash(self) {
        self.worker.abort();
        assert!(self.worker.await.unwrap_err().is_cancelled());
        // What was under way is heard before the next process begins; a real one takes longer to start.
        sleep(GAP * 10).await;
    }

    async fn finish(self, seed: u64) {
        let begun = Instant::now();
        while !self.ledger.unsent().await.unwrap().is_empty() {
            assert!(begun.elapsed() < PATIENCE, "seed {seed}: something stays unsent");
            sleep(Duration::from_millis(5)).await;
        }
        self.stop.cancel();
        self.worker.await.unwrap();
        assert_eq!(self.address.outbox.len(), 0, "seed {seed}");
    }
}

/// Once the process before has let go of it.
async fn reopened(folder: &TempDir) -> StateDatabase {
    let begun = Instant::now();
    let target = StateTarget::File(folder.path().join("state.db"));
    loop {
        match StateDatabase::open(&target, MIGRATIONS, StateOptions::default()).await {
            Ok(database) => return database,
            Err(StateOpenError::InUse) => assert!(begun.elapsed() < PATIENCE, "it stays locked"),
            Err(error) => panic!("{error:?}"),
        }
        sleep(Duration::from_millis(1)).await;
    }
}

fn told(number: usize, group: &str, is_firing: bool) -> Notification {
    let (id, at) = (format!("{number:06}"), i64::try_from(number).unwrap());
    let mut told = match is_firing {
        true => notification(&id, "hook", group, at),
        false => resolved(&id, "hook", group, at),
    };
    told.alerts[0].labels.set("number", number.to_string());
    told
}

/// What was told last of each group: its number and whether it fires.
type Last = BTreeMap<String, (usize, bool)>;

async fn round(seed: u64) -> (Vec<Heard>, Last) {
    let mut random = fastrand::Rng::with_seed(seed);
    let (receiver, url) = Receiver::start(random.fork()).await;
    let folder = tempfile::tempdir().unwrap();
    let mut last = Last::new();
    let mut number = 0;
    for life in 0..LIVES {
        *receiver.life.lock() = life;
        // Every other one has far too little room, so that much waits in the database alone. What the one before left is about
        // other groups, so that only a restart brings it back.
        let (outbox, first_group) =
            if life % 2 == 0 { (Outbox::with_room(3), 0) } else { (Outbox::default(), GROUPS / 2) };
        let process = Life::begin(&folder, &url, outbox, &mut random).await;
        for _ in 0..TOLD_PER_LIFE {
            number += 1;
            let group = format!("group {}", first_group + random.usize(..GROUPS / 2));
            let is_firing = !last.get(&group).is_some_and(|(_, is_firing)| *is_firing);
            last.insert(group.clone(), (number, is_firing));
            process.tell(told(number, &group, is_firing)).await;
            sleep(Duration::from_millis(random.u64(..12))).await;
        }
        if life + 1 == LIVES {
            process.finish(seed).await;
            break;
        }
        // A crash between the transaction and what follows it.
        number += 1;
        let group = "group 0".to_owned();
        let is_firing = !last.get(&group).is_some_and(|(_, is_firing)| *is_firing);
        process.write(told(number, &group, is_firing)).await;
        last.insert(group, (number, is_firing));
        process.crash().await;
    }
    let heard = receiver.heard.lock().clone();
    (heard, last)
}

/// Scenario: a receiver takes, is overloaded, breaks, stays silent, and closes in the middle, as chance has it; meanwhile
/// alerts of eight groups begin and end, and the process is killed three times.
/// Guarantees: what was told last of each group arrives; within a group nothing older comes after something newer, so
/// never "firing" after "resolved"; requests to the address are a gap apart.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_alert_arrives_in_order_and_at_the_address_pace_whatever_the_receiver_does() {
    for _ in 0..ROUNDS {
        let seed = fastrand::u64(..);
        let (heard, last) = round(seed).await;
        let taken = heard.iter().filter(|one| one.is_taken).count();
        assert!(taken >= last.len() && taken < heard.len(), "seed {seed}: {taken} of {}", heard.len());
        for (group, (number, is_firing)) in &last {
            let of_group: Vec<&Heard> = heard.iter().filter(|one| one.group == *group).collect();
            assert!(
                of_group.is_sorted_by_key(|one| one.number),
                "seed {seed}: {group} was told out of order: {of_group:#?}"
            );
            let end = of_group.iter().rfind(|one| one.is_taken);
            assert!(
                end.is_some_and(|one| (one.number, one.is_firing) == (*number, *is_firing)),
                "seed {seed}: {group} ended with {end:?}, not {number}"
            );
        }
        for pair in heard.windows(2).filter(|pair| pair[0].life == pair[1].life) {
            let gap = pair[1].at - pair[0].at;
            assert!(gap >= GAP, "seed {seed}: {gap:?} between {} and {}", pair[0].number, pair[1].number);
        }
    }
}
