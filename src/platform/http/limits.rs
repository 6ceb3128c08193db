//! What one connection may take: time in each of its states, and bytes.

use std::time::Duration;

/// Limits of a listener and of each of its connections. The defaults are those of `reliability.md`: whatever stalls is
/// closed within 10 to 30 seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// Connections at once; one more is accepted and closed at once. A connection costs about 10 KiB when idle.
    pub connections_max: usize,
    /// Bytes of a request line and its headers together (431 beyond it). At most 100 headers: hyper's own default.
    pub head_bytes_max: usize,
    /// From the connect, or the first byte of a later request, to the end of its headers.
    pub head_time_max: Duration,
    /// Between an answer and the first byte of the next request.
    pub idle_time_max: Duration,
    /// Without a byte while a handler waits for the body.
    pub body_stall_max: Duration,
    /// From a handler's first look at the body to its end, while it waits for more.
    pub body_time_max: Duration,
    /// Without progress while an answer waits to be sent.
    pub write_stall_max: Duration,
    /// For a client that still sends after it was refused: how long its bytes are read and thrown away, so that it gets
    /// to read the answer. Closing at once would reset the connection and destroy the answer on its way. 5 s carry 100 MB
    /// over a 200 Mbit/s line.
    pub linger_time_max: Duration,
    /// The same in bytes: four times the largest body that is usually sent by mistake.
    pub linger_bytes_max: usize,
    /// After the stop: how long requests in flight are waited for.
    pub drain_time_max: Duration,
    pub http2: Http2Limits,
}

/// What comes on top for a connection that speaks HTTP/2. What it holds at most: its window in bytes received and not yet
/// read by a handler, a header list for each stream, and an answer buffer for each stream that is not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Http2Limits {
    /// Requests in flight on one connection; the client holds further ones back (SETTINGS_MAX_CONCURRENT_STREAMS).
    pub streams_max: u32,
    /// Bytes that a client may send ahead of the handler, per stream.
    pub stream_window_bytes: u32,
    /// The same for all streams of a connection. With 100 ms to the client and back, 1 MiB carries 10 MB/s.
    pub connection_window_bytes: u32,
    /// Bytes of an answer that wait for the client, per stream.
    pub answer_buffer_bytes: u32,
    /// Streams that the client took back before they were looked at (rapid reset, CVE-2023-44487); one more ends the
    /// connection.
    pub unseen_resets_max: usize,
    /// Streams that broke the protocol and were reset by us (CVE-2025-8671); one more ends the connection.
    pub error_resets_max: usize,
    /// Between pings to the client, also while it is idle.
    pub ping_interval: Duration,
    /// Until a ping is answered: a connection whose other end is gone costs no more than this and the interval. The answer
    /// queues behind what the client is sending, at most the connection's window.
    pub ping_time_max: Duration,
}

impl Default for Http2Limits {
    fn default() -> Self {
        Self {
            streams_max: 256,
            stream_window_bytes: 512 * 1024,
            connection_window_bytes: 1024 * 1024,
            answer_buffer_bytes: 64 * 1024,
            unseen_resets_max: 100,
            error_resets_max: 1_024,
            ping_interval: Duration::from_secs(20),
            ping_time_max: Duration::from_secs(20),
        }
    }
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            connections_max: 10_000,
            head_bytes_max: 16 * 1024,
            head_time_max: Duration::from_secs(10),
            idle_time_max: Duration::from_secs(120),
            body_stall_max: Duration::from_secs(10),
            body_time_max: Duration::from_secs(60),
            write_stall_max: Duration::from_secs(30),
            linger_time_max: Duration::from_secs(5),
            linger_bytes_max: 256 * 1024 * 1024,
            drain_time_max: Duration::from_secs(20),
            http2: Http2Limits::default(),
        }
    }
}
