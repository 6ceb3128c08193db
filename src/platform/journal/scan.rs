//! Finds the sound frames in the bytes of a segment file, whatever stands between them.

use super::frame::{FRAME_ALIGNMENT, FRAME_HEAD_BYTES, Frame, begins_frame};
use super::segment::HEADER_BYTES;

/// A frame and where it begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found<'a> {
    pub(super) offset: u64,
    pub(super) frame: Frame<'a>,
}

impl Found<'_> {
    pub(super) fn end(&self) -> u64 {
        self.offset + super::bytes::round_up(self.frame.length(), FRAME_ALIGNMENT)
    }
}

/// In the order of the file. After damage it goes on at the next place where a frame may begin.
pub(super) fn frames(bytes: &[u8], stamp: u64) -> impl Iterator<Item = Found<'_>> {
    let mut offset = HEADER_BYTES;
    std::iter::from_fn(move || {
        loop {
            let rest = bytes.get(usize::try_from(offset).ok()?..).filter(|rest| !rest.is_empty())?;
            if let Some(frame) = Frame::parse(rest, stamp) {
                let found = Found { offset, frame };
                offset = found.end();
                return Some(found);
            }
            offset += FRAME_ALIGNMENT;
        }
    })
}

/// Frames that begin behind the last sound one: they were cut short.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tail {
    pub(super) count: u64,
    /// Where the head of the last one ends.
    pub(super) end: u64,
}

pub(super) fn tail(bytes: &[u8], offset: u64, stamp: u64) -> Tail {
    let begins = |at: &u64| {
        let rest = usize::try_from(*at).ok().and_then(|at| bytes.get(at..));
        rest.is_some_and(|rest| begins_frame(rest, stamp))
    };
    (offset..bytes.len() as u64)
        .step_by(8)
        .filter(begins)
        .fold(Tail::default(), |tail, at| Tail { count: tail.count + 1, end: at + FRAME_HEAD_BYTES })
}
