//! Counts what the parser will find in a text, before memory is given to the parser.

use super::JsonError;

const LOW_BITS: u64 = u64::from_le_bytes([0x01; 8]);
const HIGH_BITS: u64 = u64::from_le_bytes([0x80; 8]);
const QUOTATION_MARKS: u64 = u64::from_le_bytes([b'"'; 8]);
const BACKSLASHES: u64 = u64::from_le_bytes([b'\\'; 8]);

/// At least the number of structural characters: braces, brackets, colons, commas, and the beginnings of texts, numbers and words,
/// for valid JSON exactly. Each costs the parser one index and at most one node. What cannot be JSON may be refused here.
pub fn count(body: &[u8]) -> Result<usize, JsonError> {
    let mut found = 0;
    let mut rest = body;
    // Whether a number or word may begin here: after another token, or after white space.
    let mut between = true;
    while let [byte, after @ ..] = rest {
        rest = after;
        match byte {
            b'"' => {
                found += 1;
                rest = after_text(after).ok_or(JsonError::Syntax)?;
                between = true;
            }
            b'{' | b'}' | b'[' | b']' | b':' | b',' => {
                found += 1;
                between = true;
            }
            b' ' | b'\t' | b'\n' | b'\r' => between = true,
            // Would hide a quotation mark from the parser.
            b'\\' => return Err(JsonError::Syntax),
            _ => {
                found += usize::from(between);
                // A control character is an error in any case; until that shows, it counts as both.
                between = *byte < b' ';
            }
        }
    }
    Ok(found)
}

/// What follows the closing quotation mark; `None` if there is none.
fn after_text(mut rest: &[u8]) -> Option<&[u8]> {
    loop {
        rest = from_mark(rest);
        match rest {
            [b'"', after @ ..] => return Some(after),
            [b'\\', _, after @ ..] => rest = after,
            [b'\\'] | [] => return None,
            // Fewer than eight bytes are left.
            [_, after @ ..] => rest = after,
        }
    }
}

/// Skips plain characters, eight at a time, up to the next quotation mark or backslash.
#[inline]
fn from_mark(mut rest: &[u8]) -> &[u8] {
    while let Some((eight, after)) = rest.split_first_chunk() {
        let word = u64::from_le_bytes(*eight);
        let marks = zero_bytes(word ^ QUOTATION_MARKS) | zero_bytes(word ^ BACKSLASHES);
        if marks != 0 {
            return rest.get(marks.trailing_zeros() as usize / 8..).unwrap_or(after);
        }
        rest = after;
    }
    rest
}

/// The lowest bit that is set is the highest of the first byte that is zero; beyond it there may be false ones.
const fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(LOW_BITS) & !word & HIGH_BITS
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What the parser itself finds, with the count. It keeps what it found before an error.
    fn compare(text: &[u8]) -> (usize, Result<usize, JsonError>) {
        let mut buffers = simd_json::Buffers::default();
        let mut copy = text.to_vec();
        let _ = simd_json::to_tape_with_buffers(&mut copy, &mut buffers);
        (buffers.structural_indexes().len(), count(text))
    }

    #[test]
    fn valid_json_is_counted_exactly() {
        let texts = [
            r#"{"a":[1,-2.5,true , null],"b\"\\":{"c":"x,y:[z]{}\\\""},"long text without any mark":"and \u0041 one"}"#,
            " [ ] ",
            "17",
        ];
        for text in texts {
            let (parser, ours) = compare(text.as_bytes());
            assert_eq!(ours, Ok(parser), "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_fewer_than_the_parser_finds(text in proptest::collection::vec(
            prop_oneof![
                8 => prop::sample::select(br#"{}[]:,"\ 1a-"#.to_vec()),
                1 => any::<u8>(),
            ],
            0..300,
        )) {
            let (parser, ours) = compare(&text);
            if let Ok(ours) = ours {
                prop_assert!(parser <= ours, "{parser} > {ours}");
            }
        }
    }
}
