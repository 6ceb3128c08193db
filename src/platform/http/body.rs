//! Reads request bodies: under a cap, and never before their bytes were taken from the budget.

use axum::http::HeaderMap;
use axum::http::header::CONTENT_LENGTH;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Body;

use super::{BudgetExhausted, BudgetShare, ByteBudget};

/// Memory for a body grows at least by this, and starts with no more, whatever length the client states.
pub const BODY_STEP_BYTES: usize = 64 * 1024;
/// So many times what has arrived is allocated at once where the client stated as much: most bodies are moved once.
const STATED_TIMES: usize = 16;

/// Why a body was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// 413; never to be retried. The connection lingers so that the client can read the answer.
    #[error("the body is larger than {bytes_max} bytes")]
    TooLarge { bytes_max: usize },
    /// The client went away, stalled, or broke the framing: nobody will read an answer.
    #[error("the client left before its body was complete")]
    Disconnected,
    /// 503 with `Retry-After`.
    #[error(transparent)]
    Exhausted(#[from] BudgetExhausted),
}

/// The length that the client states, if it states one that is a number. hyper has refused conflicting ones by then.
pub fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Reads a whole body of at most `bytes_max` bytes. The share covers the memory of the returned bytes.
///
/// A stated length is reserved at once, so that a request which cannot be served is refused before it is read; memory
/// follows what really arrives. A body of one frame is returned as it came, without a copy.
pub async fn read_body<B>(
    body: B,
    content_length: Option<u64>,
    bytes_max: usize,
    budget: &ByteBudget,
) -> Result<(Bytes, BudgetShare), BodyError>
where
    B: Body<Data = Bytes>,
{
    let too_large = BodyError::TooLarge { bytes_max };
    let stated = content_length.map(|length| usize::try_from(length).unwrap_or(usize::MAX));
    if stated.is_some_and(|length| length > bytes_max) {
        return Err(too_large);
    }
    let mut share = budget.try_reserve(stated.unwrap_or_default())?;
    let mut body = std::pin::pin!(body);
    let mut gathered = Gathered::Nothing;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| BodyError::Disconnected)?;
        let Ok(chunk) = frame.into_data() else { continue };
        if chunk.len() > bytes_max - gathered.len() {
            return Err(too_large);
        }
        gathered = gathered.with(chunk, &mut share)?;
    }
    let bytes = gathered.into_bytes();
    share.shrink_to(bytes.len());
    Ok((bytes, share))
}

enum Gathered {
    Nothing,
    Frame(Bytes),
    Copied(Vec<u8>),
}

impl Gathered {
    fn len(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Frame(frame) => frame.len(),
            Self::Copied(buffer) => buffer.len(),
        }
    }

    fn with(self, chunk: Bytes, share: &mut BudgetShare) -> Result<Self, BudgetExhausted> {
        if chunk.is_empty() {
            return Ok(self);
        }
        let mut buffer = match self {
            Self::Nothing => {
                cover(chunk.len(), share)?;
                return Ok(Self::Frame(chunk));
            }
            Self::Frame(first) => {
                let mut buffer = Vec::new();
                append(&mut buffer, &first, share)?;
                buffer
            }
            Self::Copied(buffer) => buffer,
        };
        append(&mut buffer, &chunk, share)?;
        Ok(Self::Copied(buffer))
    }

    fn into_bytes(self) -> Bytes {
        match self {
            Self::Nothing => Bytes::new(),
            Self::Frame(frame) => frame,
            Self::Copied(buffer) => Bytes::from(buffer.into_boxed_slice()),
        }
    }
}

/// Memory doubles at least (so that each byte is copied a bounded number of times), and is covered before it is allocated.
/// While the client keeps to the length it stated, that reservation is the limit.
fn append(buffer: &mut Vec<u8>, chunk: &[u8], share: &mut BudgetShare) -> Result<(), BudgetExhausted> {
    let needed = buffer.len() + chunk.len();
    if needed > buffer.capacity() {
        // What the share covers beyond what has arrived was stated.
        let mut capacity = if needed <= share.bytes() {
            (buffer.len() * STATED_TIMES).max(BODY_STEP_BYTES).max(needed).min(share.bytes())
        } else {
            needed.max(buffer.capacity() * 2).max(BODY_STEP_BYTES)
        };
        if cover(capacity, share).is_err() {
            capacity = needed;
            cover(capacity, share)?;
        }
        buffer.reserve_exact(capacity - buffer.len());
    }
    buffer.extend_from_slice(chunk);
    Ok(())
}

fn cover(bytes: usize, share: &mut BudgetShare) -> Result<(), BudgetExhausted> {
    let missing = bytes.saturating_sub(share.bytes());
    share.grow(missing.next_multiple_of(BODY_STEP_BYTES)).or_else(|_| share.grow(missing))
}

/// How reading a body away ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drained {
    /// The body is over; the connection can carry the next request.
    Ended,
    /// There is more than was to be read; the connection closes (and lingers) after the answer.
    TooLong,
    Disconnected,
}

/// Reads and discards up to `bytes_max` bytes of a body that is refused unread (a 415, say), so that the connection stays
/// usable. A refusal needs this for nothing else: that the client can read its answer is the connection's care.
pub async fn drain<B>(body: B, bytes_max: usize) -> Drained
where
    B: Body<Data = Bytes>,
{
    let mut body = std::pin::pin!(body);
    let mut bytes = 0_usize;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return Drained::Disconnected };
        bytes = bytes.saturating_add(frame.data_ref().map_or(0, Bytes::len));
        if bytes > bytes_max {
            return Drained::TooLong;
        }
    }
    Drained::Ended
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use hyper::body::Frame;

    use super::*;

    /// A body of the given frames; `None` is a client that leaves.
    struct Frames(VecDeque<Option<Bytes>>);

    fn frames<const N: usize>(frames: [&[u8]; N]) -> Frames {
        Frames(frames.iter().map(|frame| Some(Bytes::copy_from_slice(frame))).collect())
    }

    impl Body for Frames {
        type Data = Bytes;
        type Error = std::io::Error;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
            Poll::Ready(self.0.pop_front().map(|frame| {
                frame.map(Frame::data).ok_or_else(|| std::io::ErrorKind::ConnectionReset.into())
            }))
        }
    }

    const CAP: usize = 1_000_000;

    #[tokio::test]
    async fn a_body_of_one_frame_is_not_copied() {
        let frame = Bytes::from_static(b"one frame");
        let body = http_body_util::Full::<Bytes>::new(frame.clone());
        let (bytes, share) = read_body(body, Some(9), CAP, &ByteBudget::new(CAP)).await.unwrap();
        assert_eq!(bytes.as_ptr(), frame.as_ptr());
        assert_eq!(share.bytes(), 9);
    }

    #[tokio::test]
    async fn several_frames_become_one_and_the_share_fits_them() {
        let budget = ByteBudget::new(CAP);
        for stated in [Some(6), None, Some(3)] {
            let (bytes, share) =
                read_body(frames([b"ab", b"", b"cd", b"ef"]), stated, CAP, &budget).await.unwrap();
            assert_eq!(&bytes[..], b"abcdef");
            assert_eq!(share.bytes(), 6);
        }
        assert_eq!(budget.used(), 0);
    }

    #[tokio::test]
    async fn a_body_over_the_cap_is_refused_by_its_stated_and_by_its_real_length() {
        let budget = ByteBudget::new(CAP);
        let too_large = BodyError::TooLarge { bytes_max: 5 };
        for (stated, body) in
            [(Some(6), frames([])), (None, frames([b"abc", b"def"])), (Some(2), frames([b"abcdef"]))]
        {
            assert_eq!(read_body(body, stated, 5, &budget).await.unwrap_err(), too_large);
        }
        assert_eq!(read_body(frames([]), Some(u64::MAX), 5, &budget).await.unwrap_err(), too_large);
        assert_eq!(budget.used(), 0);
    }

    #[tokio::test]
    async fn a_stated_length_that_does_not_fit_the_budget_is_refused_before_reading() {
        let budget = ByteBudget::new(10);
        let mut body = frames([b"abc"]);
        let error = read_body(&mut body, Some(11), CAP, &budget).await.unwrap_err();
        assert_eq!(error, BodyError::Exhausted(BudgetExhausted));
        assert_eq!(body.0.len(), 1, "the body was read");
    }

    #[tokio::test]
    async fn a_body_without_a_length_may_use_the_last_byte_of_the_budget_and_no_more() {
        let budget = ByteBudget::new(6);
        assert!(read_body(frames([b"abcdef"]), None, CAP, &budget).await.is_ok());
        let error = read_body(frames([b"abcdefg"]), None, CAP, &budget).await.unwrap_err();
        assert_eq!(error, BodyError::Exhausted(BudgetExhausted));
        assert_eq!(budget.used(), 0);
    }

    #[tokio::test]
    async fn a_lie_about_the_length_allocates_only_what_arrives() {
        let mut share = ByteBudget::new(CAP).try_reserve(CAP).unwrap();
        let mut buffer = Vec::new();
        append(&mut buffer, b"few", &mut share).unwrap();
        assert_eq!(buffer.capacity(), BODY_STEP_BYTES);
    }

    #[tokio::test]
    async fn a_client_that_leaves_gives_its_bytes_back() {
        let budget = ByteBudget::new(CAP);
        let body = Frames([Some(Bytes::from_static(b"abc")), None].into());
        assert_eq!(read_body(body, Some(6), CAP, &budget).await.unwrap_err(), BodyError::Disconnected);
        assert_eq!(budget.used(), 0);
    }

    #[tokio::test]
    async fn draining_stops_at_its_limit() {
        assert_eq!(drain(frames([b"abc", b"def"]), 6).await, Drained::Ended);
        assert_eq!(drain(frames([b"abc", b"def"]), 5).await, Drained::TooLong);
        assert_eq!(drain(Frames([None].into()), 5).await, Drained::Disconnected);
        let empty = http_body_util::Empty::<Bytes>::new().map_err(|never: Infallible| match never {});
        assert_eq!(drain(empty, 0).await, Drained::Ended);
    }

    #[test]
    fn the_stated_length_is_a_number_or_absent() {
        let mut headers = HeaderMap::new();
        assert_eq!(content_length(&headers), None);
        headers.insert(CONTENT_LENGTH, axum::http::HeaderValue::from_static("17"));
        assert_eq!(content_length(&headers), Some(17));
    }
}
