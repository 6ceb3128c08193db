//! Pieces of a statement: words, quoted names, literals and marks, in the way of ClickHouse's own lexer.
//!
//! Whoever reads a statement otherwise than the engine does can be led past a check. So what is rare and could be read in two ways is
//! refused here: heredocs, `#` and `//` comments, letters beyond ASCII outside of quotes, and backslashes in quoted names.

/// What a piece is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A keyword, a name or a number.
    Word,
    /// A name in backticks or double quotes.
    Name,
    /// A text in single quotes.
    Text,
    /// A single character of punctuation.
    Mark(u8),
}

/// A piece and where it is in the statement, without its quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece<'a> {
    pub kind: Kind,
    pub text: &'a str,
    /// Where the piece begins, in bytes.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
}

impl Piece<'_> {
    /// Whether it is this keyword, in any case.
    pub fn is(&self, keyword: &str) -> bool {
        self.kind == Kind::Word && self.text.eq_ignore_ascii_case(keyword)
    }

    pub fn is_mark(&self, mark: u8) -> bool {
        self.kind == Kind::Mark(mark)
    }

    /// Whether it may name something: a table, a column, a function.
    pub const fn names(&self) -> bool {
        matches!(self.kind, Kind::Word | Kind::Name)
    }
}

/// Why a statement cannot be taken to pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LexError {
    #[error("what is opened at byte {at} is not closed")]
    Unclosed { at: usize },
    #[error("the character at byte {at} is not taken outside of quotes")]
    Character { at: usize },
    #[error("the quoted name at byte {at} holds a backslash")]
    Escape { at: usize },
    #[error("it is not UTF-8 at byte {at}")]
    Encoding { at: usize },
}

/// Takes a statement to pieces, one at a time: what follows may be data.
#[derive(Debug, Clone)]
pub struct Lexer<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Lexer<'a> {
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The next piece; absent at the end. Blanks and comments are passed over.
    pub fn next(&mut self) -> Result<Option<Piece<'a>>, LexError> {
        self.skip_blanks()?;
        let start = self.at;
        let Some(first) = self.peek(0) else { return Ok(None) };
        let (kind, from, to) = match first {
            b'\'' => self.quoted(first, Kind::Text)?,
            b'`' | b'"' => self.quoted(first, Kind::Name)?,
            byte if is_word(byte) => {
                while self.peek(0).is_some_and(is_word) {
                    self.at += 1;
                }
                (Kind::Word, start, self.at)
            }
            byte if is_mark(byte) => {
                self.at += 1;
                (Kind::Mark(byte), start, self.at)
            }
            _ => return Err(LexError::Character { at: start }),
        };
        let bytes = self.bytes.get(from..to).unwrap_or_default();
        let text = str::from_utf8(bytes).map_err(|_| LexError::Encoding { at: from })?;
        Ok(Some(Piece { kind, text, start, end: self.at }))
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    fn skip_blanks(&mut self) -> Result<(), LexError> {
        loop {
            match (self.peek(0), self.peek(1)) {
                (Some(b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c), _) => self.at += 1,
                (Some(b'-'), Some(b'-')) => {
                    while self.peek(0).is_some_and(|byte| byte != b'\n') {
                        self.at += 1;
                    }
                }
                (Some(b'/'), Some(b'*')) => self.skip_comment()?,
                (Some(b'/'), Some(b'/')) => return Err(LexError::Character { at: self.at }),
                _ => return Ok(()),
            }
        }
    }

    /// Comments nest.
    fn skip_comment(&mut self) -> Result<(), LexError> {
        let (start, mut depth) = (self.at, 0_usize);
        loop {
            match (self.peek(0), self.peek(1)) {
                (Some(b'/'), Some(b'*')) => {
                    depth += 1;
                    self.at += 2;
                }
                (Some(b'*'), Some(b'/')) => {
                    depth -= 1;
                    self.at += 2;
                    if depth == 0 {
                        return Ok(());
                    }
                }
                (Some(_), _) => self.at += 1,
                (None, _) => return Err(LexError::Unclosed { at: start }),
            }
        }
    }

    /// The quote ends with the next one of its kind that has no backslash before it and is not doubled.
    fn quoted(&mut self, quote: u8, kind: Kind) -> Result<(Kind, usize, usize), LexError> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.peek(0) {
                None => return Err(LexError::Unclosed { at: start }),
                Some(b'\\') if kind == Kind::Name => return Err(LexError::Escape { at: start }),
                Some(b'\\') => self.at += 2,
                Some(byte) if byte == quote && self.peek(1) == Some(quote) => match kind {
                    // Such a name would have to be put together first.
                    Kind::Name => return Err(LexError::Escape { at: start }),
                    _ => self.at += 2,
                },
                Some(byte) => {
                    self.at += 1;
                    if byte == quote {
                        return Ok((kind, start + 1, self.at - 1));
                    }
                }
            }
        }
    }
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

const fn is_mark(byte: u8) -> bool {
    matches!(
        byte,
        b'(' | b')'
            | b'['
            | b']'
            | b'{'
            | b'}'
            | b','
            | b';'
            | b'.'
            | b'+'
            | b'-'
            | b'*'
            | b'/'
            | b'%'
            | b'='
            | b'!'
            | b'<'
            | b'>'
            | b'?'
            | b':'
            | b'|'
            | b'@'
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pieces(text: &str) -> Result<Vec<(Kind, &str)>, LexError> {
        let mut lexer = Lexer::new(text.as_bytes());
        let mut all = Vec::new();
        while let Some(piece) = lexer.next()? {
            all.push((piece.kind, piece.text));
        }
        Ok(all)
    }

    #[test]
    fn blanks_and_comments_lie_between_pieces() {
        let text = "SELECT--x'\n`a b`/* /* ' */ \" */,\"c\".1.5e3, 'it''s \\' -- text'";
        let expected = [
            (Kind::Word, "SELECT"),
            (Kind::Name, "a b"),
            (Kind::Mark(b','), ","),
            (Kind::Name, "c"),
            (Kind::Mark(b'.'), "."),
            (Kind::Word, "1"),
            (Kind::Mark(b'.'), "."),
            (Kind::Word, "5e3"),
            (Kind::Mark(b','), ","),
            (Kind::Text, "it''s \\' -- text"),
        ];
        assert_eq!(pieces(text).unwrap(), expected);
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        for (text, expected) in [
            ("SELECT 'a", LexError::Unclosed { at: 7 }),
            ("SELECT 'a\\", LexError::Unclosed { at: 7 }),
            ("/* /* */", LexError::Unclosed { at: 0 }),
            ("`a\\x66`", LexError::Escape { at: 0 }),
            ("`a``b`", LexError::Escape { at: 0 }),
            ("$$;$$", LexError::Character { at: 0 }),
            ("1 # x", LexError::Character { at: 2 }),
            ("1 // 2", LexError::Character { at: 2 }),
            ("SELECT\u{a0}1", LexError::Character { at: 6 }),
            ("SELECT \u{2018}a\u{2019}", LexError::Character { at: 7 }),
            ("1\0", LexError::Character { at: 1 }),
            ("1 \\G", LexError::Character { at: 2 }),
        ] {
            assert_eq!(pieces(text), Err(expected), "{text}");
        }
    }

    #[test]
    fn data_behind_the_last_piece_that_was_asked_for_is_not_looked_at() {
        let mut lexer = Lexer::new(b"FORMAT Native\n\xff\x00'");
        assert!(lexer.next().unwrap().unwrap().is("format"));
        assert_eq!(lexer.next().unwrap().unwrap().end, 13);
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken_to_pieces_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut lexer = Lexer::new(&bytes);
            while let Ok(Some(piece)) = lexer.next() {
                prop_assert!(piece.start < piece.end && piece.end <= bytes.len());
            }
        }
    }
}
