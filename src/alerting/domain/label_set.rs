//! `LabelSet`: names with values, sorted, each name once; and its fingerprint.

use std::collections::BTreeMap;
use std::collections::btree_map;
use std::fmt;

/// Labels (or annotations) of an alert. A label without a value is a label that is not there.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct LabelSet(BTreeMap<Box<str>, Box<str>>);

impl LabelSet {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| &**value)
    }

    /// Sets a label; an empty value takes it away.
    pub fn set(&mut self, name: impl Into<Box<str>>, value: impl Into<Box<str>>) {
        let (name, value) = (name.into(), value.into());
        if value.is_empty() {
            self.0.remove(&name);
        } else {
            self.0.insert(name, value);
        }
    }

    pub fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// By name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those of the labels that bear one of `names`.
    pub fn only(&self, names: &[Box<str>]) -> Self {
        self.iter().filter(|(name, _)| names.iter().any(|known| &**known == *name)).collect()
    }

    /// FNV-1a over names and values, as Prometheus computes it (prometheus/common, `model.LabelSet.Fingerprint`).
    pub fn fingerprint(&self) -> Fingerprint {
        const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
        const PRIME: u64 = 0x0100_0000_01b3;
        const SEPARATOR: u8 = 0xff;
        let mut hash = OFFSET;
        for (name, value) in self.iter() {
            for text in [name, value] {
                for byte in text.bytes().chain([SEPARATOR]) {
                    hash = (hash ^ u64::from(byte)).wrapping_mul(PRIME);
                }
            }
        }
        Fingerprint(hash)
    }
}

impl<N: Into<Box<str>>, V: Into<Box<str>>> FromIterator<(N, V)> for LabelSet {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(labels: I) -> Self {
        let mut set = Self::default();
        for (name, value) in labels {
            set.set(name, value);
        }
        set
    }
}

impl<'a> IntoIterator for &'a LabelSet {
    type Item = (&'a Box<str>, &'a Box<str>);
    type IntoIter = btree_map::Iter<'a, Box<str>, Box<str>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

/// Tells sets of labels apart in few bytes. Shown as 16 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(pub u64);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_sorted_and_an_empty_one_is_none() {
        let mut labels: LabelSet = [("b", "2"), ("a", "1"), ("c", "")].into_iter().collect();
        assert_eq!(labels.iter().collect::<Vec<_>>(), [("a", "1"), ("b", "2")]);
        labels.set("a", "");
        assert_eq!((labels.get("a"), labels.len()), (None, 1));
    }

    #[test]
    fn a_fingerprint_does_not_run_names_and_values_together() {
        let of = |labels: &[(&str, &str)]| labels.iter().copied().collect::<LabelSet>().fingerprint();
        assert_eq!(of(&[]).to_string(), "cbf29ce484222325");
        assert_ne!(of(&[("a", "bc")]), of(&[("ab", "c")]));
        assert_eq!(of(&[("a", "1"), ("b", "2")]), of(&[("b", "2"), ("a", "1")]));
    }

    #[test]
    fn a_choice_of_labels_keeps_those_that_are_there() {
        let labels: LabelSet = [("a", "1"), ("b", "2")].into_iter().collect();
        assert_eq!(labels.only(&["b".into(), "z".into()]), [("b", "2")].into_iter().collect());
    }
}
