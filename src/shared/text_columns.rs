//! Columns of text: one long string with the ends of its rows, and words of which there are few, as codes.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// Texts one after the other, as bytes: whoever writes them sees to it that each is UTF-8, which is cheaper to see than to have
/// in the type. The last one may still be *open*: what is written to it becomes a row when it is closed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TextColumn {
    text: Vec<u8>,
    /// Where each row ends, in bytes.
    ends: Vec<usize>,
}

impl TextColumn {
    pub fn push(&mut self, text: &str) {
        self.text.extend_from_slice(text.as_bytes());
        self.close();
    }

    /// The bytes that end with the open row. Nothing but appending UTF-8 is meant to be done with them.
    #[inline]
    pub fn open(&mut self) -> &mut Vec<u8> {
        &mut self.text
    }

    /// The open row.
    pub fn open_bytes(&self) -> &[u8] {
        self.text.get(self.end_of(self.len())..).unwrap_or_default()
    }

    /// Makes a row of what was written since the last one.
    #[inline]
    pub fn close(&mut self) {
        self.ends.push(self.text.len());
    }

    /// Forgets what was written since the last row.
    pub fn discard_open(&mut self) {
        self.text.truncate(self.end_of(self.len()));
    }

    /// Keeps the first rows only, and nothing open.
    pub fn truncate(&mut self, rows: usize) {
        self.ends.truncate(rows);
        self.discard_open();
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    pub fn get(&self, row: usize) -> Option<&str> {
        std::str::from_utf8(self.bytes_of(row)?).ok()
    }

    fn bytes_of(&self, row: usize) -> Option<&[u8]> {
        self.text.get(self.end_of(row)..*self.ends.get(row)?)
    }

    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map_while(|row| self.get(row))
    }

    /// As bytes: that they are UTF-8 is not seen again.
    pub fn rows(&self) -> impl Iterator<Item = &[u8]> + Clone {
        (0..self.len()).map_while(|row| self.bytes_of(row))
    }

    /// All rows, one after the other.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// Where each row ends in [`Self::text`].
    pub fn ends(&self) -> &[usize] {
        &self.ends
    }

    /// Where the row before `rows` ends; also where row `rows` begins.
    #[inline]
    pub fn end_of(&self, rows: usize) -> usize {
        rows.checked_sub(1).and_then(|last| self.ends.get(last)).copied().unwrap_or_default()
    }

    /// What the column holds in memory.
    pub fn bytes(&self) -> usize {
        self.text.capacity() + self.ends.capacity() * size_of::<usize>()
    }

    /// Moves rows from `from` on, without those in `dropped` (ascending).
    pub(super) fn remove(&mut self, from: usize, dropped: &[usize]) {
        let begin = self.end_of(from);
        let mut kept = Vec::with_capacity(self.text.len() - begin);
        let mut ends = Vec::with_capacity(self.len() - from);
        let mut dropped = dropped.iter().peekable();
        for row in from..self.len() {
            if dropped.next_if_eq(&&row).is_none() {
                let text = self.ends.get(row).and_then(|end| self.text.get(self.end_of(row)..*end));
                kept.extend_from_slice(text.unwrap_or_default());
                ends.push(begin + kept.len());
            }
        }
        self.truncate(from);
        self.text.append(&mut kept);
        self.ends.extend(ends);
    }
}

/// A word that can be looked up by its bytes, before it is known whether these are text.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Word(Arc<str>);

impl Hash for Word {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.as_bytes().hash(state);
    }
}

impl Borrow<[u8]> for Word {
    fn borrow(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// Words by their codes and codes by their words. Codes count from 0.
#[derive(Debug, Clone, Default)]
pub struct Dictionary {
    words: Vec<Arc<str>>,
    /// Words come from outside: the hasher is a fast one that has a secret all the same.
    codes: HashMap<Word, u32, ahash::RandomState>,
    text_bytes: usize,
}

impl Dictionary {
    /// What a word takes in memory beside its text, at most.
    pub const WORD_BYTES: usize = 160;

    pub fn find(&self, word: &[u8]) -> Option<u32> {
        self.codes.get(word).copied()
    }

    /// The code of a word, which is learnt if it is new.
    pub fn learn(&mut self, word: &str) -> u32 {
        if let Some(code) = self.find(word.as_bytes()) {
            return code;
        }
        let code = u32::try_from(self.words.len()).unwrap_or(u32::MAX);
        let word: Arc<str> = word.into();
        self.text_bytes += word.len();
        self.words.push(Arc::clone(&word));
        self.codes.insert(Word(word), code);
        code
    }

    #[inline]
    pub fn word(&self, code: u32) -> Option<&str> {
        self.words.get(code as usize).map(AsRef::as_ref)
    }

    /// In the order of their codes.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.words.iter().map(AsRef::as_ref)
    }

    pub fn len(&self) -> usize {
        self.words.len()
    }

    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    pub fn bytes(&self) -> usize {
        self.text_bytes + self.words.len() * Self::WORD_BYTES
    }
}

/// A column of few different texts: names, levels, versions.
#[derive(Debug, Clone, Default)]
pub struct WordColumn {
    words: Dictionary,
    codes: Vec<u32>,
}

impl WordColumn {
    /// The code of a text that occurred before. It is mostly that of the row before, which costs no hashing to see.
    #[inline]
    pub fn find(&self, word: &[u8]) -> Option<u32> {
        let last = self.codes.last().copied();
        let same = last.filter(|code| self.words.word(*code).is_some_and(|known| known.as_bytes() == word));
        same.or_else(|| self.words.find(word))
    }

    pub fn learn(&mut self, word: &str) -> u32 {
        self.words.learn(word)
    }

    /// `code` is one that [`Self::find`] or [`Self::learn`] gave.
    #[inline]
    pub fn push(&mut self, code: u32) {
        self.codes.push(code);
    }

    pub fn truncate(&mut self, rows: usize) {
        self.codes.truncate(rows);
    }

    pub fn get(&self, row: usize) -> Option<&str> {
        self.words.word(*self.codes.get(row)?)
    }

    pub fn words(&self) -> &Dictionary {
        &self.words
    }

    pub fn codes(&self) -> &[u32] {
        &self.codes
    }

    pub fn bytes(&self) -> usize {
        self.words.bytes() + self.codes.capacity() * size_of::<u32>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_text_becomes_a_row_or_vanishes() {
        let mut column = TextColumn::default();
        column.push("a");
        column.open().extend_from_slice(b"gone");
        column.discard_open();
        column.open().extend_from_slice("bü".as_bytes());
        column.close();
        column.push("");
        assert_eq!(column.iter().collect::<Vec<_>>(), ["a", "bü", ""]);
        assert_eq!((column.text(), column.ends()), ("abü".as_bytes(), &[1, 4, 4][..]));
        column.truncate(1);
        assert_eq!((column.text(), column.get(1)), (&b"a"[..], None));
    }

    #[test]
    fn rows_are_removed_from_the_middle() {
        let mut column = TextColumn::default();
        ["a", "bb", "", "ccc", "d"].iter().for_each(|text| column.push(text));
        column.remove(1, &[1, 3]);
        assert_eq!(column.iter().collect::<Vec<_>>(), ["a", "", "d"]);
    }

    #[test]
    fn words_are_found_by_their_bytes() {
        let mut column = WordColumn::default();
        for word in ["INFO", "WARN", "INFO", "", "WARN"] {
            let code = column.find(word.as_bytes()).unwrap_or_else(|| column.learn(word));
            column.push(code);
        }
        assert_eq!(column.codes(), [0, 1, 0, 2, 1]);
        assert_eq!((column.get(3), column.get(4), column.get(5)), (Some(""), Some("WARN"), None));
        assert_eq!(column.find(b"\xff"), None);
    }
}
