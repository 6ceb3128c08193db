//! `Exchange`: what the nodes over one store tell each other, in order, by way of a stream in Redis.
//!
//! Each message has the number of its node's messages. So a node knows when something is missing: Redis may have been flushed, or
//! away. Every node speaks at least every half second; one that is silent without having said goodbye may go on writing where
//! nobody hears it. A node hears its own messages, too: when one comes back, it has heard all that was said before it.

mod counters;
mod message;
mod peers;
mod reader;
mod teller;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::client::RedisClient;
use crate::platform::lifecycle::Lifecycle;

pub use counters::ExchangeCounters;

use message::NodeId;

/// A section of a message holds no more bytes.
pub const SECTION_BYTES_MAX: usize = 65_536;
/// How often a node speaks at least.
const HEARTBEAT: Duration = Duration::from_millis(500);
/// How long what was said is kept for nodes that come.
pub const HISTORY: Duration = Duration::from_secs(300);
/// How long stopping waits until goodbye is said.
const GOODBYE_TIME_MAX: Duration = Duration::from_millis(500);

/// A place in the stream: milliseconds of Redis' clock, and a number within.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub ms: u64,
    pub number: u64,
}

impl Position {
    /// As Redis writes it: `1700000000000-0`.
    pub fn parse(text: &str) -> Option<Self> {
        let (ms, number) = text.split_once('-')?;
        Some(Self { ms: ms.parse().ok()?, number: number.parse().ok()? })
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.ms, self.number)
    }
}

/// The number of a message among those of its node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct MessageNumber(pub u64);

/// Whether there is more to tell than what fits into one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    Nothing,
    More,
}

/// Whether something was just said, or before this node came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    Now,
    Before,
}

/// What was heard makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a message makes no sense")]
pub struct Garbled;

/// What nodes talk about. Nothing here may wait.
pub trait Subject: Send + Sync {
    /// Appends what is to be told in this message, at most [`SECTION_BYTES_MAX`] bytes; nothing if there is nothing to tell.
    fn tell(&self, number: MessageNumber, section: &mut Vec<u8>) -> Rest;

    /// What another node told.
    fn hear(&self, section: &[u8], said: Said) -> Result<(), Garbled>;

    /// An own message came back.
    fn came_back(&self, _number: MessageNumber) {}

    /// Everything up to here was heard.
    fn heard_up_to(&self, _position: Position) {}

    /// Until then it is certain that all is heard that others say.
    fn trust_until(&self, _until: Instant) {}

    /// Something that others said before may be lost.
    fn lost(&self) {}

    /// It is heard from somewhere on anew; also what places were before says nothing any more.
    fn begin(&self) {}
}

/// Says that there is something to tell.
#[derive(Debug, Clone, Default)]
pub struct Bell(Arc<Notify>);

impl Bell {
    pub fn ring(&self) {
        self.0.notify_one();
    }
}

/// The subjects, in the order in which all nodes have them.
pub type Subjects = Arc<[Arc<dyn Subject>]>;

/// This node among the others.
#[derive(Debug, Clone)]
pub struct Exchange {
    goodbye: CancellationToken,
    tasks: Lifecycle,
}

/// What both directions work with.
#[derive(Clone)]
struct Line {
    client: RedisClient,
    key: String,
    node: NodeId,
    subjects: Subjects,
    bell: Bell,
    counters: ExchangeCounters,
    /// What times in own messages are counted from.
    begun: Instant,
}

impl Exchange {
    /// Begins to speak and to listen.
    pub fn start(client: &RedisClient, subjects: Subjects, bell: Bell, counters: ExchangeCounters) -> Self {
        let line = Line {
            key: client.key("messages"),
            client: client.clone(),
            node: NodeId::random(),
            subjects,
            bell,
            counters,
            begun: Instant::now(),
        };
        // Of its own: what is stored while the process stops is told, too, and no node is unready without Redis.
        let tasks = Lifecycle::default();
        let goodbye = CancellationToken::new();
        tasks.spawn("redis connection", client.clone().keep_connected(tasks.stop_token()));
        tasks.spawn("redis reader", reader::listen(line.clone(), tasks.stop_token()));
        tasks.spawn("redis teller", teller::speak(line, goodbye.clone(), tasks.stop_token()));
        Self { goodbye, tasks }
    }

    /// To be called when nothing becomes visible any more: tells the rest, and takes leave.
    pub async fn say_goodbye(&self) {
        self.goodbye.cancel();
        let ended = async {
            self.tasks.stop_token().cancelled().await;
            self.tasks.wait().await;
        };
        if tokio::time::timeout(GOODBYE_TIME_MAX, ended).await.is_err() {
            self.tasks.stop();
        }
    }
}
