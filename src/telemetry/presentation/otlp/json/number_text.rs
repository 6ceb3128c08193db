//! `NumberTexts`: how a number was written. The parser keeps a fraction or a large number as a double only, which is not enough
//! where a whole number is wanted.

/// Finds the text of nodes; cheap as long as they are asked for in the order of the document.
#[derive(Debug)]
pub struct NumberTexts<'b> {
    body: &'b [u8],
    /// Offsets of the structural characters, as the parser found them.
    structure: &'b [u32],
    /// The next node, and the place in `structure` from which on it is found.
    node: usize,
    place: usize,
}

impl<'b> NumberTexts<'b> {
    pub fn new(body: &'b [u8], structure: &'b [u32]) -> Self {
        Self { body, structure, node: 0, place: 0 }
    }

    /// The text of the number at this place of the tape.
    pub fn of(&mut self, node: usize) -> Option<&'b str> {
        if node < self.node {
            (self.node, self.place) = (0, 0);
        }
        loop {
            let offset = self.next_node()?;
            if self.node > node {
                return text(self.body.get(offset..)?);
            }
        }
    }

    /// Offset of the next structural character that stands for a node of its own.
    fn next_node(&mut self) -> Option<usize> {
        loop {
            let offset = usize::try_from(*self.structure.get(self.place)?).ok()?;
            self.place += 1;
            if !matches!(self.body.get(offset)?, b',' | b':' | b'}' | b']') {
                self.node += 1;
                return Some(offset);
            }
        }
    }
}

/// The number that `rest` begins with.
fn text(rest: &[u8]) -> Option<&str> {
    let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
    let end = rest.iter().position(|byte| !is_part(byte)).unwrap_or(rest.len());
    std::str::from_utf8(rest.get(..end)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_each_number_is_found_in_order_and_again() {
        let body = br#"{"a":[1.50,{"b\"":-2e3}, 30 ],"c":4}"#;
        let mut buffers = simd_json::Buffers::default();
        let mut copy = body.to_vec();
        simd_json::to_tape_with_buffers(&mut copy, &mut buffers).unwrap();
        let mut texts = NumberTexts::new(body, buffers.structural_indexes());
        // The object, "a", the array, 1.50, the object, "b", -2e3, 30, "c", 4.
        for (node, expected) in [(3, "1.50"), (6, "-2e3"), (7, "30"), (9, "4"), (3, "1.50"), (3, "1.50")] {
            assert_eq!(texts.of(node), Some(expected));
        }
        assert_eq!(texts.of(10), None);
    }
}
