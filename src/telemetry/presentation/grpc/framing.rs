//! The frame around the one message of a unary gRPC request or answer ("gRPC over HTTP2", Length-Prefixed-Message): a flag, four
//! bytes of length, the message.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::http::HeaderMap;
use bytes::{BufMut, Bytes, BytesMut};
use hyper::body::{Body, Frame};

/// Flag and length, in bytes.
pub(super) const HEADER_BYTES: usize = 5;

/// Whether the message in a frame is packed as `grpc-encoding` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    Plain,
    Packed,
}

/// Why a request is not one frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FramingError {
    #[error("the request holds no whole message")]
    Incomplete,
    #[error("the request holds more than one message")]
    Trailing,
    #[error("the compressed flag of the message is neither 0 nor 1")]
    Flag,
}

/// Takes the one frame that `body` has to be, without a copy. The stated length allocates nothing.
pub fn unframe(body: &Bytes) -> Result<(Compression, Bytes), FramingError> {
    let (header, rest) = body.split_first_chunk::<HEADER_BYTES>().ok_or(FramingError::Incomplete)?;
    let [flag, length @ ..] = *header;
    let compression = match flag {
        0 => Compression::Plain,
        1 => Compression::Packed,
        _ => return Err(FramingError::Flag),
    };
    // Where a length does not fit, no body can be so long either.
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    match rest.len().cmp(&length) {
        std::cmp::Ordering::Less => Err(FramingError::Incomplete),
        std::cmp::Ordering::Greater => Err(FramingError::Trailing),
        std::cmp::Ordering::Equal => Ok((compression, body.slice(HEADER_BYTES..))),
    }
}

/// The body of a good answer: one frame, then the trailers.
#[derive(Debug)]
pub(super) struct AnswerBody {
    frame: Option<Bytes>,
    trailers: Option<HeaderMap>,
}

impl AnswerBody {
    /// The message is ours and far shorter than a frame may be.
    pub(super) fn new(message: &[u8], trailers: HeaderMap) -> Self {
        let mut frame = BytesMut::with_capacity(HEADER_BYTES + message.len());
        frame.put_u8(0);
        frame.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
        frame.put_slice(message);
        Self { frame: Some(frame.freeze()), trailers: Some(trailers) }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let message = self.frame.take().map(Frame::data);
        let next = message.or_else(|| self.trailers.take().map(Frame::trailers));
        Poll::Ready(next.map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.frame.is_none() && self.trailers.is_none()
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use http_body_util::BodyExt;
    use proptest::prelude::*;

    use super::*;

    fn framed(flag: u8, length: u32, message: &[u8]) -> Bytes {
        [&[flag][..], &length.to_be_bytes(), message].concat().into()
    }

    #[test]
    fn one_frame_is_taken_with_its_flag() {
        assert_eq!(unframe(&framed(0, 3, b"abc")), Ok((Compression::Plain, Bytes::from_static(b"abc"))));
        assert_eq!(unframe(&framed(1, 3, b"abc")), Ok((Compression::Packed, Bytes::from_static(b"abc"))));
        assert_eq!(unframe(&framed(0, 0, b"")), Ok((Compression::Plain, Bytes::new())));
    }

    #[test]
    fn less_and_more_than_one_frame_are_refused() {
        for length in 0..HEADER_BYTES {
            assert_eq!(unframe(&framed(0, 0, b"").slice(..length)), Err(FramingError::Incomplete));
        }
        assert_eq!(unframe(&framed(0, 4, b"abc")), Err(FramingError::Incomplete));
        assert_eq!(unframe(&framed(0, u32::MAX, b"abc")), Err(FramingError::Incomplete));
        assert_eq!(unframe(&framed(0, 2, b"abc")), Err(FramingError::Trailing));
        assert_eq!(
            unframe(&[framed(0, 1, b"a"), framed(0, 1, b"b")].concat().into()),
            Err(FramingError::Trailing)
        );
        assert_eq!(unframe(&framed(2, 1, b"a")), Err(FramingError::Flag));
    }

    #[tokio::test]
    async fn an_answer_is_a_frame_and_then_its_trailers() {
        let trailers =
            HeaderMap::from_iter([("grpc-status".parse().unwrap(), HeaderValue::from_static("0"))]);
        let collected = AnswerBody::new(b"abc", trailers.clone()).collect().await.unwrap();
        assert_eq!(collected.trailers(), Some(&trailers));
        assert_eq!(collected.to_bytes(), framed(0, 3, b"abc"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_frame_of_all_of_them_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let body = Bytes::from(bytes);
            if let Ok((_, message)) = unframe(&body) {
                prop_assert_eq!(&body[HEADER_BYTES..], &message[..]);
                prop_assert_eq!(&body[1..HEADER_BYTES], &u32::try_from(message.len()).unwrap().to_be_bytes());
            }
        }
    }
}
