//! `Silence`: alerts that nobody wants to hear of for a while. May be changed as Alertmanager allows it.

use std::time::Duration;

use super::matcher::{MATCHERS_MAX, Matcher, all_match};
use crate::alerting::domain::label_set::LabelSet;
use crate::shared::{TenantId, Timestamp};

/// Longest comment or author, in bytes.
pub const WORDS_BYTES_MAX: usize = 4_096;
/// How long an expired silence can still be seen (Alertmanager: `--data.retention`, 120 h).
pub const EXPIRED_KEPT: Duration = Duration::from_secs(120 * 3_600);

/// Identifies a silence: a UUID (version 7).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SilenceId(pub Box<str>);

/// What a silence is about, without its identity: matchers of which one is sure to need a label, and an end that is not before the
/// start. (One that ended before it began has both at once.)
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SilenceTerms {
    matchers: Vec<Matcher>,
    starts_at: Timestamp,
    ends_at: Timestamp,
    created_by: Box<str>,
    comment: Box<str>,
}

/// Why there is no such silence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SilenceError {
    #[error("a silence has 1 to {MATCHERS_MAX} matchers")]
    Matchers,
    #[error("at least one matcher must not match the empty string")]
    MatchesEverything,
    #[error("the start has to be before the end")]
    Times,
    #[error("the end is in the past")]
    Over,
    #[error("comment and author have at most {WORDS_BYTES_MAX} bytes")]
    Words,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silence {
    pub id: SilenceId,
    pub tenant: TenantId,
    pub terms: SilenceTerms,
    pub updated_at: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SilenceState {
    Pending,
    Active,
    Expired,
}

/// What becomes of a silence that is to have other terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replacement {
    /// It goes on with these.
    Changed(Silence),
    /// It cannot: a new one is needed, and this is what becomes of the old one.
    New { old: Silence },
}

impl SilenceTerms {
    pub fn new(
        matchers: Vec<Matcher>,
        [starts_at, ends_at]: [Timestamp; 2],
        created_by: &str,
        comment: &str,
    ) -> Result<Self, SilenceError> {
        if !(1..=MATCHERS_MAX).contains(&matchers.len()) {
            return Err(SilenceError::Matchers);
        }
        if matchers.iter().all(Matcher::accepts_absence) {
            return Err(SilenceError::MatchesEverything);
        }
        if starts_at > ends_at {
            return Err(SilenceError::Times);
        }
        if [created_by, comment].iter().any(|words| words.len() > WORDS_BYTES_MAX) {
            return Err(SilenceError::Words);
        }
        let (created_by, comment) = (created_by.into(), comment.into());
        Ok(Self { matchers, starts_at, ends_at, created_by, comment })
    }

    /// What somebody asks for must last, and must not be over.
    pub fn asked_at(self, now: Timestamp) -> Result<Self, SilenceError> {
        if self.starts_at == self.ends_at {
            return Err(SilenceError::Times);
        }
        if self.ends_at <= now {
            return Err(SilenceError::Over);
        }
        Ok(self)
    }

    /// A new silence does not reach into the past.
    #[must_use]
    pub fn starting_from(self, now: Timestamp) -> Self {
        Self { starts_at: self.starts_at.max(now), ..self }
    }

    pub fn matchers(&self) -> &[Matcher] {
        &self.matchers
    }

    pub const fn starts_at(&self) -> Timestamp {
        self.starts_at
    }

    pub const fn ends_at(&self) -> Timestamp {
        self.ends_at
    }

    pub fn created_by(&self) -> &str {
        &self.created_by
    }

    pub fn comment(&self) -> &str {
        &self.comment
    }
}

impl Silence {
    pub fn state(&self, now: Timestamp) -> SilenceState {
        if now < self.terms.starts_at {
            SilenceState::Pending
        } else if now < self.terms.ends_at {
            SilenceState::Active
        } else {
            SilenceState::Expired
        }
    }

    /// Whether alerts with these labels are not told of now.
    pub fn covers(&self, labels: &LabelSet, now: Timestamp) -> bool {
        self.state(now) == SilenceState::Active && all_match(&self.terms.matchers, labels)
    }

    /// Gives it other terms, as far as what was already silenced stays true; otherwise it ends.
    pub fn replaced(self, terms: SilenceTerms, now: Timestamp) -> Replacement {
        let same_matchers = self.terms.matchers == terms.matchers;
        let can_change = same_matchers
            && match self.state(now) {
                SilenceState::Pending => terms.starts_at >= now,
                // Whole seconds: that is what most clients show and send back.
                SilenceState::Active => {
                    seconds(terms.starts_at) == seconds(self.terms.starts_at) && terms.ends_at >= now
                }
                SilenceState::Expired => false,
            };
        if can_change {
            let starts_at =
                if self.state(now) == SilenceState::Active { self.terms.starts_at } else { terms.starts_at };
            let terms = SilenceTerms { starts_at, ..terms };
            return Replacement::Changed(Self { terms, updated_at: now, ..self });
        }
        Replacement::New { old: self.expired(now) }
    }

    /// It ends now; one that was to begin later never begins. One that is over stays as it is.
    #[must_use]
    pub fn expired(mut self, now: Timestamp) -> Self {
        match self.state(now) {
            SilenceState::Expired => return self,
            SilenceState::Active => {}
            SilenceState::Pending => self.terms.starts_at = now,
        }
        self.terms.ends_at = now;
        self.updated_at = now;
        self
    }

    /// Whether it is so long over that it can be forgotten.
    pub fn is_history(&self, now: Timestamp) -> bool {
        self.terms.ends_at.plus(EXPIRED_KEPT) <= now
    }
}

const fn seconds(at: Timestamp) -> i64 {
    at.nanos().div_euclid(1_000_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerting::domain::fixtures::second;
    use crate::alerting::domain::notifying::matcher_text::parse_matchers;

    fn terms(matchers: &str, from: i64, to: i64) -> Result<SilenceTerms, SilenceError> {
        SilenceTerms::new(parse_matchers(matchers).unwrap(), [second(from), second(to)], "ann", "works")
    }

    fn silence(from: i64, to: i64) -> Silence {
        Silence {
            id: SilenceId("s".into()),
            tenant: TenantId::unnamed(),
            terms: terms("a=b", from, to).unwrap(),
            updated_at: second(0),
        }
    }

    #[test]
    fn it_is_pending_then_active_then_expired() {
        let silence = silence(10, 20);
        for (at, state) in [
            (9, SilenceState::Pending),
            (10, SilenceState::Active),
            (19, SilenceState::Active),
            (20, SilenceState::Expired),
        ] {
            assert_eq!(silence.state(second(at)), state, "{at}");
            let labels = [("a", "b"), ("c", "d")].into_iter().collect();
            assert_eq!(silence.covers(&labels, second(at)), state == SilenceState::Active);
            assert!(!silence.covers(&LabelSet::default(), second(at)));
        }
        assert!(!silence.is_history(second(20)) && silence.is_history(second(20).plus(EXPIRED_KEPT)));
    }

    #[test]
    fn one_that_would_silence_everything_or_no_time_is_refused() {
        assert_eq!(terms("", 0, 1), Err(SilenceError::Matchers));
        assert_eq!(terms("a=~\".*\",b!=x", 0, 1), Err(SilenceError::MatchesEverything));
        assert_eq!(terms("a=b", 2, 1), Err(SilenceError::Times));
        assert_eq!(terms("a=b", 1, 1).unwrap().asked_at(second(0)), Err(SilenceError::Times));
        assert_eq!(terms("a=b", 0, 1).unwrap().asked_at(second(1)), Err(SilenceError::Over));
        assert_eq!(terms("a=b", 0, 9).unwrap().starting_from(second(1)), terms("a=b", 1, 9).unwrap());
        let long = "x".repeat(WORDS_BYTES_MAX + 1);
        let matchers = || parse_matchers("a=b").unwrap();
        assert_eq!(
            SilenceTerms::new(matchers(), [second(0), second(1)], &long, ""),
            Err(SilenceError::Words)
        );
    }

    #[test]
    fn an_active_one_keeps_its_matchers_and_its_start() {
        let now = second(15);
        let changed = |terms: SilenceTerms| silence(10, 20).replaced(terms, now);
        let Replacement::Changed(longer) = changed(terms("a=b", 10, 99).unwrap()) else { panic!("changed") };
        assert_eq!((longer.terms.ends_at(), longer.updated_at), (second(99), now));
        for other in [terms("a=c", 10, 20), terms("a=b", 12, 20), terms("a=b", 10, 14)] {
            let Replacement::New { old } = changed(other.clone().unwrap()) else { panic!("{other:?}") };
            assert_eq!((old.terms.starts_at(), old.terms.ends_at()), (second(10), now));
        }
    }

    #[test]
    fn a_pending_one_may_move_but_not_into_the_past_and_an_expired_one_not_at_all() {
        let replaced = |from, to, now| silence(10, 20).replaced(terms("a=b", from, to).unwrap(), second(now));
        let Replacement::Changed(moved) = replaced(12, 30, 5) else { panic!("changed") };
        assert_eq!((moved.terms.starts_at(), moved.terms.ends_at()), (second(12), second(30)));
        let Replacement::New { old } = replaced(4, 30, 5) else { panic!("new") };
        assert_eq!((old.terms.starts_at(), old.terms.ends_at()), (second(5), second(5)));
        let Replacement::New { old } = replaced(30, 40, 25) else { panic!("new") };
        assert_eq!(old, silence(10, 20), "what is over stays as it was");
    }
}
