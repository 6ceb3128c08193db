//! `RejectionLog`: what was rejected lately, by tenant, for people. Real SDKs show it to nobody.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::shared::{Signal, TenantId, Timestamp};
use crate::telemetry::domain::{Findings, Rejection, Warning};

/// Entries over all tenants. Each is one request, and at most some ten kilobytes.
pub const REJECTIONS_MAX: usize = 500;
/// Entries of one tenant. Beyond [`REJECTIONS_MAX`] whoever has the most loses its oldest, so that a tenant that sends
/// nothing right does not push out what others look for.
pub const REJECTIONS_MAX_PER_TENANT: usize = 200;
/// Longest message of a refusal, in characters.
const MESSAGE_CHARS_MAX: usize = 256;

/// How a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SentAs {
    HttpProtobuf,
    HttpJson,
    /// Always protobuf.
    Grpc,
}

impl SentAs {
    pub const fn transport(self) -> &'static str {
        match self {
            Self::HttpProtobuf | Self::HttpJson => "http",
            Self::Grpc => "grpc",
        }
    }

    pub const fn encoding(self) -> &'static str {
        match self {
            Self::HttpProtobuf | Self::Grpc => "protobuf",
            Self::HttpJson => "json",
        }
    }
}

/// Items rejected for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectedItems {
    pub reason: Rejection,
    pub items: u64,
    /// Names of a few of them (metrics, scopes, spans), shortened and without control characters.
    pub examples: Vec<Box<str>>,
}

/// What became of the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was read. Its other items were accepted.
    Partial { rejected: Vec<RejectedItems>, warnings: Vec<(Warning, u64)> },
    /// Nothing of it was accepted.
    Refused {
        /// Stable name, the one that counters have.
        reason: &'static str,
        /// What the sender was told, shortened and without control characters.
        message: Box<str>,
    },
}

/// One request of which something was rejected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectionEntry {
    pub at: Timestamp,
    pub tenant: TenantId,
    pub signal: Signal,
    pub sent_as: SentAs,
    pub outcome: Outcome,
}

impl RejectionEntry {
    /// Of a request that was read; absent if nothing of it was rejected.
    pub fn partial(at: Timestamp, tenant: TenantId, sent_as: SentAs, findings: &Findings) -> Option<Self> {
        if findings.rejected_items() == 0 {
            return None;
        }
        let rejected = findings.rejections().map(|(reason, items)| RejectedItems {
            reason,
            items,
            examples: findings.examples(reason).map(Box::from).collect(),
        });
        let outcome =
            Outcome::Partial { rejected: rejected.collect(), warnings: findings.warnings().collect() };
        Some(Self { at, tenant, signal: findings.signal(), sent_as, outcome })
    }

    /// Of a request that was refused as a whole: for its form or size, not because the server was busy.
    pub fn refused(
        at: Timestamp,
        tenant: TenantId,
        signal: Signal,
        sent_as: SentAs,
        reason: &'static str,
        message: &str,
    ) -> Self {
        let message: String = message.chars().filter(|c| !c.is_control()).take(MESSAGE_CHARS_MAX).collect();
        let outcome = Outcome::Refused { reason, message: message.into() };
        Self { at, tenant, signal, sent_as, outcome }
    }

    /// Items rejected, where that is known: a refused request was not read.
    pub fn rejected_items(&self) -> Option<u64> {
        match &self.outcome {
            Outcome::Partial { rejected, .. } => Some(rejected.iter().map(|items| items.items).sum()),
            Outcome::Refused { .. } => None,
        }
    }
}

/// A bounded memory of rejections. Shared; lost with the process.
#[derive(Debug, Default)]
pub struct RejectionLog(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    /// The oldest first. No tenant is without entries.
    by_tenant: HashMap<TenantId, VecDeque<Arc<RejectionEntry>>>,
    count: usize,
}

impl RejectionLog {
    pub fn record(&self, entry: RejectionEntry) {
        let mut entries = self.0.lock();
        let tenant = entry.tenant.clone();
        let own = entries.by_tenant.entry(tenant.clone()).or_default();
        own.push_back(Arc::new(entry));
        let is_over_its_share = own.len() > REJECTIONS_MAX_PER_TENANT;
        entries.count += 1;
        if is_over_its_share {
            entries.forget_oldest(&tenant);
        } else if entries.count > REJECTIONS_MAX {
            entries.forget_oldest_of_the_largest();
        }
    }

    /// Up to `limit` entries of a tenant, the newest first; of one signal, or of all (`None`).
    pub fn newest(
        &self,
        tenant: &TenantId,
        signal: Option<Signal>,
        limit: usize,
    ) -> Vec<Arc<RejectionEntry>> {
        let entries = self.0.lock();
        let own = entries.by_tenant.get(tenant).into_iter().flatten().rev();
        own.filter(|entry| signal.is_none_or(|signal| entry.signal == signal)).take(limit).cloned().collect()
    }
}

impl Entries {
    fn forget_oldest(&mut self, tenant: &TenantId) {
        let Some(own) = self.by_tenant.get_mut(tenant) else { return };
        self.count -= usize::from(own.pop_front().is_some());
        if own.is_empty() {
            self.by_tenant.remove(tenant);
        }
    }

    /// Of equally large ones the one whose oldest entry is older.
    fn forget_oldest_of_the_largest(&mut self) {
        let rank = |own: &VecDeque<Arc<RejectionEntry>>| {
            (own.len(), std::cmp::Reverse(own.front().map(|entry| entry.at)))
        };
        let largest =
            self.by_tenant.iter().max_by_key(|(_, own)| rank(own)).map(|(tenant, _)| tenant.clone());
        if let Some(tenant) = largest {
            self.forget_oldest(&tenant);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tenant(name: &str) -> TenantId {
        TenantId::parse(name).unwrap()
    }

    fn entry(of: &str, at: i64) -> RejectionEntry {
        let (at, tenant) = (Timestamp::from_nanos(at), tenant(of));
        RejectionEntry::refused(at, tenant, Signal::Logs, SentAs::Grpc, "malformed", "not OTLP")
    }

    fn times(log: &RejectionLog, of: &str) -> Vec<i64> {
        log.newest(&tenant(of), None, usize::MAX).iter().map(|entry| entry.at.nanos()).collect()
    }

    #[test]
    fn a_request_that_was_read_tells_reasons_counts_examples_and_warnings() {
        let mut findings = Findings::new(Signal::Metrics);
        findings.warn(Warning::AttributeCut);
        let partial = |findings: &Findings| {
            RejectionEntry::partial(Timestamp::EPOCH, tenant("shop"), SentAs::HttpJson, findings)
        };
        assert_eq!(partial(&findings), None, "a warning alone is no rejection");
        findings.reject(b"a", Rejection::TimeTooOld, 2);
        findings.reject(b"b\x1b[31m", Rejection::TimeTooOld, 1);
        findings.reject(b"c", Rejection::ValueMissing, 4);
        let entry = partial(&findings).unwrap();
        assert_eq!((entry.signal, entry.rejected_items()), (Signal::Metrics, Some(7)));
        let items = |reason, items, examples: &[&str]| RejectedItems {
            reason,
            items,
            examples: examples.iter().copied().map(Box::from).collect(),
        };
        let rejected =
            vec![items(Rejection::TimeTooOld, 3, &["a", "b[31m"]), items(Rejection::ValueMissing, 4, &["c"])];
        assert_eq!(entry.outcome, Outcome::Partial { rejected, warnings: vec![(Warning::AttributeCut, 1)] });
    }

    #[test]
    fn a_message_is_kept_short_and_plain() {
        let message = format!("a\n\u{1b}{}", "x".repeat(10_000));
        let entry = RejectionEntry::refused(
            Timestamp::EPOCH,
            tenant("a"),
            Signal::Logs,
            SentAs::Grpc,
            "malformed",
            &message,
        );
        let Outcome::Refused { message, .. } = &entry.outcome else { panic!("{entry:?}") };
        assert!(message.len() == MESSAGE_CHARS_MAX && message.starts_with("ax"), "{message}");
        assert_eq!(entry.rejected_items(), None);
    }

    #[test]
    fn each_tenant_sees_its_own_the_newest_first_and_of_the_signal_it_asks_for() {
        let log = RejectionLog::default();
        for at in 0..3 {
            log.record(entry("shop", at));
        }
        log.record(RejectionEntry { signal: Signal::Traces, ..entry("shop", 3) });
        log.record(entry("bank", 4));
        assert_eq!(times(&log, "shop"), [3, 2, 1, 0]);
        assert_eq!(times(&log, "bank"), [4]);
        assert_eq!(times(&log, "nobody"), [0; 0]);
        let of_logs = log.newest(&tenant("shop"), Some(Signal::Logs), 2);
        assert_eq!(of_logs.iter().map(|entry| entry.at.nanos()).collect::<Vec<_>>(), [2, 1]);
    }

    #[test]
    fn tenants_that_flood_the_log_push_out_their_own_entries_only() {
        let log = RejectionLog::default();
        for at in 0..100 {
            log.record(entry("quiet", at));
        }
        for at in 100..10_000 {
            log.record(entry("loud", at));
        }
        assert_eq!(times(&log, "loud").len(), REJECTIONS_MAX_PER_TENANT);
        for at in 10_000..20_000 {
            log.record(entry("loud", at));
            log.record(entry("louder", at));
            log.record(entry("loudest", at));
        }
        assert_eq!(times(&log, "quiet").len(), 100);
        let others = ["loud", "louder", "loudest"].map(|name| times(&log, name));
        assert_eq!(others.each_ref().map(Vec::len).iter().sum::<usize>(), REJECTIONS_MAX - 100);
        assert!(others.iter().all(|own| own.len() > 100 && own[0] == 19_999));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10))]

        /// Against the plainest form of the same rules: one list, searched from the front.
        #[test]
        fn what_is_kept_is_bounded_and_fair(tenants in prop::collection::vec(0usize..6, 0..2_000)) {
            let log = RejectionLog::default();
            let mut model: Vec<(usize, i64)> = Vec::new();
            for (at, of) in (0i64..).zip(&tenants) {
                log.record(entry(&of.to_string(), at));
                model.push((*of, at));
                let count = |of: usize| model.iter().filter(|(tenant, _)| *tenant == of).count();
                let loser = if count(*of) > REJECTIONS_MAX_PER_TENANT {
                    Some(*of)
                } else if model.len() > REJECTIONS_MAX {
                    let most = (0..6).map(count).max().unwrap();
                    model.iter().map(|(tenant, _)| *tenant).find(|tenant| count(*tenant) == most)
                } else {
                    None
                };
                if let Some(loser) = loser {
                    let oldest = model.iter().position(|(tenant, _)| *tenant == loser).unwrap();
                    model.remove(oldest);
                }
            }
            for of in 0..6 {
                let expected: Vec<i64> =
                    model.iter().rev().filter(|(tenant, _)| *tenant == of).map(|(_, at)| *at).collect();
                prop_assert_eq!(times(&log, &of.to_string()), expected);
            }
            prop_assert!(model.len() <= REJECTIONS_MAX);
        }
    }
}
