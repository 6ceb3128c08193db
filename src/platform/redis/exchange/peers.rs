//! `Peers`: who else there is, whether anything of them is missing, and until when all of them are heard.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::MessageNumber;
use super::message::{Ending, Head, NodeId};

/// A node that was not heard for so long may write where nobody hears it. Every node speaks four times as often.
pub const SILENCE_MAX: Duration = Duration::from_secs(2);
/// A node that was not heard for so long is taken for gone.
pub const GONE_AFTER: Duration = Duration::from_secs(300);
/// Nodes that are known at once. With more of them nothing is certain.
const NODES_MAX: usize = 256;

/// What a message means for what was said before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sequence {
    /// Nothing is missing.
    Whole,
    /// Some of the node's messages were not heard.
    Broken,
}

#[derive(Debug)]
struct Peer {
    number: MessageNumber,
    heard: Instant,
    /// When it last had nothing more to tell.
    complete: Option<Instant>,
}

#[derive(Debug, Default)]
pub struct Peers {
    known: BTreeMap<NodeId, Peer>,
    /// When the last own message was sent that came back.
    own: Option<Instant>,
    crowded: bool,
}

impl Peers {
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// An own message came back.
    pub fn came_back(&mut self, sent: Instant) {
        self.own = Some(self.own.map_or(sent, |known| known.max(sent)));
    }

    /// When the last own message was sent that came back.
    pub const fn own(&self) -> Option<Instant> {
        self.own
    }

    /// A message of another node that was said then.
    pub fn hear(&mut self, head: &Head, said: Instant) -> Sequence {
        let complete = (head.ending == Ending::Complete).then_some(said);
        let sequence = match self.known.get_mut(&head.node) {
            Some(peer) => {
                let next = MessageNumber(peer.number.0.saturating_add(1));
                peer.heard = peer.heard.max(said);
                peer.complete = complete.or(peer.complete);
                let whole = head.number <= next;
                peer.number = peer.number.max(head.number);
                if whole { Sequence::Whole } else { Sequence::Broken }
            }
            None => {
                if self.known.len() >= NODES_MAX {
                    self.crowded = true;
                    return Sequence::Broken;
                }
                self.known.insert(head.node, Peer { number: head.number, heard: said, complete });
                // What it told before its first message is nothing.
                if head.number == MessageNumber(1) { Sequence::Whole } else { Sequence::Broken }
            }
        };
        if head.ending == Ending::Goodbye {
            self.known.remove(&head.node);
        }
        sequence
    }

    /// Until then whatever others do is heard; absent if that is not certain at all.
    pub fn certain_until(&mut self, now: Instant) -> Option<Instant> {
        self.known.retain(|_, peer| now.saturating_duration_since(peer.heard) < GONE_AFTER);
        if self.crowded {
            return None;
        }
        let mut first = self.own?;
        for peer in self.known.values() {
            first = first.min(peer.complete?);
        }
        Some(first + SILENCE_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(node: u64, number: u64, ending: Ending) -> Head {
        Head { node: NodeId::of(node), number: MessageNumber(number), sent_ms: 0, ending }
    }

    fn complete(node: u64, number: u64) -> Head {
        says(node, number, Ending::Complete)
    }

    #[test]
    fn numbers_that_are_missing_are_noticed_and_those_heard_twice_are_not_missing() {
        let (mut peers, now) = (Peers::default(), Instant::now());
        assert_eq!(peers.hear(&complete(1, 1), now), Sequence::Whole);
        assert_eq!(peers.hear(&complete(1, 2), now), Sequence::Whole);
        assert_eq!(peers.hear(&complete(1, 2), now), Sequence::Whole, "sent again without an answer");
        assert_eq!(peers.hear(&complete(1, 4), now), Sequence::Broken);
        assert_eq!(peers.hear(&complete(1, 5), now), Sequence::Whole);
        assert_eq!(peers.hear(&complete(2, 3), now), Sequence::Broken, "what it said before is not known");
    }

    #[test]
    fn nothing_is_certain_while_a_node_is_silent_or_has_more_to_tell() {
        let (mut peers, start) = (Peers::default(), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        assert_eq!(peers.certain_until(start), None, "nothing of its own came back");
        peers.came_back(start);
        assert_eq!(peers.certain_until(start), Some(at(2_000)));
        peers.hear(&says(1, 1, Ending::More), at(100));
        assert_eq!(peers.certain_until(at(100)), None);
        peers.hear(&complete(1, 2), at(200));
        peers.came_back(at(1_000));
        assert_eq!(peers.certain_until(at(1_000)), Some(at(2_200)), "unless it is heard again");
        peers.hear(&says(1, 3, Ending::More), at(1_100));
        assert_eq!(peers.certain_until(at(1_100)), Some(at(2_200)), "it is not done yet");
        peers.hear(&says(1, 4, Ending::Goodbye), at(1_200));
        assert_eq!(peers.certain_until(at(1_200)), Some(at(3_000)), "it has left");
    }

    #[test]
    fn a_node_that_was_not_heard_for_long_is_gone_and_unknown_when_it_comes_back() {
        let (mut peers, start) = (Peers::default(), Instant::now());
        peers.hear(&complete(1, 1), start);
        let later = start + GONE_AFTER;
        peers.came_back(later);
        assert_eq!(peers.certain_until(later), Some(later + SILENCE_MAX));
        assert_eq!(peers.len(), 0);
        assert_eq!(peers.hear(&complete(1, 2), later), Sequence::Broken);
    }

    #[test]
    fn among_too_many_nodes_nothing_is_certain() {
        let (mut peers, now) = (Peers::default(), Instant::now());
        peers.came_back(now);
        for node in 0..=NODES_MAX as u64 {
            peers.hear(&complete(node, 1), now);
        }
        assert_eq!((peers.len(), peers.certain_until(now)), (NODES_MAX, None));
    }
}
