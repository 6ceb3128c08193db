//! `MapColumn`: attribute maps row by row, their keys as codes of a dictionary, their values in one string.

use super::text_columns::{Dictionary, TextColumn};

/// Attribute maps, entry after entry in the order in which they were sent; each key stands once in a row.
///
/// Rows of the same sender mostly have the same keys in the same order. So a key is first compared with the one that
/// followed last time, and hashed only if it is another.
#[derive(Debug, Clone, Default)]
pub struct MapColumn {
    keys: Dictionary,
    /// Of each entry.
    codes: Vec<u32>,
    /// Of each entry.
    values: TextColumn,
    /// Where each row ends, in entries.
    row_ends: Vec<usize>,
    open: OpenRow,
}

/// What is known while a row is written.
#[derive(Debug, Clone, Default)]
struct OpenRow {
    /// Differs from row to row.
    stamp: u64,
    /// By code: the row that holds the key, and the entry.
    seen: Vec<(u64, usize)>,
    /// Entries whose key was given again.
    replaced: Vec<usize>,
    /// By code plus one, 0 for the beginning of a row: the key that followed last time.
    followers: Vec<u32>,
    /// Index into the followers.
    last: usize,
}

impl OpenRow {
    fn next(&mut self) {
        self.stamp += 1;
        self.replaced.clear();
        self.last = 0;
    }
}

/// Whether a key is new in its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occurrence {
    First,
    /// The entry replaces the one before it.
    Again,
}

impl MapColumn {
    /// What an entry takes in memory beside the text of its value.
    pub const ENTRY_BYTES: usize = size_of::<u32>() + size_of::<usize>();

    /// The code of a key that occurred before in this column.
    #[inline]
    pub fn find(&self, key: &[u8]) -> Option<u32> {
        let guess = self.open.followers.get(self.open.last).copied();
        let hit = guess.filter(|code| self.keys.word(*code).is_some_and(|known| known.as_bytes() == key));
        hit.or_else(|| self.keys.find(key))
    }

    pub fn learn(&mut self, key: &str) -> u32 {
        self.keys.learn(key)
    }

    /// Whether the open row has an entry with this key.
    pub fn open_row_has(&self, code: u32) -> bool {
        self.open.seen.get(code as usize).is_some_and(|(stamp, _)| *stamp == self.open.stamp + 1)
    }

    /// How many keys the open row has.
    #[inline]
    pub fn open_row_len(&self) -> usize {
        self.codes.len() - self.entries_before(self.len()) - self.open.replaced.len()
    }

    /// Begins an entry of the open row. Its value is what is then written to [`Self::value`] until [`Self::close_entry`].
    #[inline]
    pub fn begin_entry(&mut self, code: u32) -> Occurrence {
        let open = &mut self.open;
        let at = code as usize;
        if at >= open.seen.len() {
            open.seen.resize(at + 1, (0, 0));
            open.followers.resize(at + 2, u32::MAX);
        }
        if let Some(follower) = open.followers.get_mut(open.last) {
            *follower = code;
        }
        open.last = at + 1;
        let entry = self.codes.len();
        self.codes.push(code);
        let mut occurrence = Occurrence::First;
        if let Some(seen) = open.seen.get_mut(at) {
            if seen.0 == open.stamp + 1 {
                open.replaced.push(seen.1);
                occurrence = Occurrence::Again;
            }
            *seen = (open.stamp + 1, entry);
        }
        occurrence
    }

    /// The bytes that end with the value of the open entry; UTF-8 is to be appended.
    #[inline]
    pub fn value(&mut self) -> &mut Vec<u8> {
        self.values.open()
    }

    #[inline]
    pub fn close_entry(&mut self) {
        self.values.close();
    }

    /// Makes a row of the entries since the last one.
    #[inline]
    pub fn close_row(&mut self) {
        if !self.open.replaced.is_empty() {
            self.drop_replaced();
        }
        self.row_ends.push(self.codes.len());
        self.open.next();
    }

    /// One pass however many they are: nobody can make it quadratic.
    #[cold]
    fn drop_replaced(&mut self) {
        let from = self.entries_before(self.len());
        let mut replaced = std::mem::take(&mut self.open.replaced);
        replaced.sort_unstable();
        self.values.remove(from, &replaced);
        let mut replaced = replaced.into_iter().peekable();
        let written = self.codes.split_off(from);
        let kept = (from..).zip(written).filter(|(entry, _)| replaced.next_if_eq(entry).is_none());
        self.codes.extend(kept.map(|(_, code)| code));
    }

    /// Forgets the entries since the last row, also one that was begun only.
    pub fn discard_row(&mut self) {
        let entries = self.entries_before(self.len());
        self.codes.truncate(entries);
        self.values.truncate(entries);
        self.open.next();
    }

    /// Keeps the first rows only.
    pub fn truncate(&mut self, rows: usize) {
        self.row_ends.truncate(rows);
        self.discard_row();
    }

    pub fn len(&self) -> usize {
        self.row_ends.len()
    }

    pub fn is_empty(&self) -> bool {
        self.row_ends.is_empty()
    }

    pub fn keys(&self) -> &Dictionary {
        &self.keys
    }

    /// The key of each entry.
    pub fn codes(&self) -> &[u32] {
        &self.codes
    }

    /// The value of each entry.
    pub fn values(&self) -> &TextColumn {
        &self.values
    }

    /// Where each row ends, in entries.
    pub fn row_ends(&self) -> &[usize] {
        &self.row_ends
    }

    /// Where row `row` begins, in entries.
    #[inline]
    pub fn entries_before(&self, row: usize) -> usize {
        row.checked_sub(1).and_then(|last| self.row_ends.get(last)).copied().unwrap_or_default()
    }

    /// Keys and values of a row; nothing if there is no such row.
    pub fn row(&self, row: usize) -> impl Iterator<Item = (&str, &str)> {
        let end = self.row_ends.get(row).copied().unwrap_or_default();
        (self.entries_before(row)..end)
            .filter_map(|entry| Some((self.keys.word(*self.codes.get(entry)?)?, self.values.get(entry)?)))
    }

    /// How many bytes the keys and values of a row have.
    pub fn row_text_bytes(&self, row: usize) -> usize {
        self.row(row).map(|(key, value)| key.len() + value.len()).sum()
    }

    pub fn bytes(&self) -> usize {
        let codes = self.codes.capacity() * size_of::<u32>();
        let rows = self.row_ends.capacity() * size_of::<usize>();
        self.keys.bytes() + codes + self.values.bytes() + rows
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn set(column: &mut MapColumn, key: &str, value: &str) -> Occurrence {
        let code = column.find(key.as_bytes()).unwrap_or_else(|| column.learn(key));
        let occurrence = column.begin_entry(code);
        column.value().extend_from_slice(value.as_bytes());
        column.close_entry();
        occurrence
    }

    fn row(column: &MapColumn, at: usize) -> Vec<(&str, &str)> {
        column.row(at).collect()
    }

    #[test]
    fn of_the_same_key_in_a_row_the_last_value_counts() {
        let mut column = MapColumn::default();
        assert_eq!(set(&mut column, "a", "1"), Occurrence::First);
        column.close_row();
        for (key, value) in [("a", "2"), ("b", "3"), ("a", "4"), ("a", "5")] {
            set(&mut column, key, value);
        }
        assert_eq!(column.open_row_len(), 2);
        column.close_row();
        set(&mut column, "b", "6");
        column.close_row();
        assert_eq!(row(&column, 0), [("a", "1")]);
        assert_eq!(row(&column, 1), [("b", "3"), ("a", "5")]);
        assert_eq!(row(&column, 2), [("b", "6")]);
        assert_eq!(column.keys().len(), 2);
    }

    #[test]
    fn a_discarded_row_leaves_nothing_behind() {
        let mut column = MapColumn::default();
        set(&mut column, "a", "1");
        column.close_row();
        set(&mut column, "a", "2");
        column.begin_entry(0);
        column.value().extend_from_slice(b"half");
        column.discard_row();
        assert_eq!(set(&mut column, "a", "3"), Occurrence::First);
        column.close_row();
        assert_eq!((row(&column, 0), row(&column, 1)), (vec![("a", "1")], vec![("a", "3")]));
        assert_eq!(column.row_text_bytes(1), 2);
    }

    proptest! {
        /// Guarantees: the same maps as those of the standard library.
        #[test]
        fn rows_are_what_maps_would_be(
            rows in proptest::collection::vec(
                (proptest::collection::vec(("[a-e]{1,2}", "[x-z]{0,3}"), 0..8), any::<bool>()), 0..12),
        ) {
            let mut column = MapColumn::default();
            let mut expected: Vec<BTreeMap<&str, &str>> = Vec::new();
            for (entries, kept) in &rows {
                for (key, value) in entries {
                    set(&mut column, key, value);
                }
                if *kept {
                    column.close_row();
                    expected.push(entries.iter().map(|(key, value)| (&**key, &**value)).collect());
                } else {
                    column.discard_row();
                }
            }
            let found: Vec<BTreeMap<&str, &str>> = (0..column.len()).map(|at| column.row(at).collect()).collect();
            prop_assert_eq!(found, expected);
            let entries: usize = (0..column.len()).map(|at| column.row(at).count()).sum();
            prop_assert_eq!(entries, column.codes().len());
        }
    }
}
