-- What channels are yet to be told, and what they refused for good (dead letters). Times are nanoseconds since 1970 in UTC.
-- A row goes when it was sent.
CREATE TABLE outbox (
    id TEXT NOT NULL PRIMARY KEY,
    tenant TEXT NOT NULL,
    channel TEXT NOT NULL,
    group_key TEXT NOT NULL,
    -- When there was something to tell; the order of sending.
    at BIGINT NOT NULL,
    -- The rest, as JSON.
    body TEXT NOT NULL,
    -- When and why it was given up; nothing while it waits.
    dead_at BIGINT,
    dead_reason TEXT,
    -- The newer notification of the same group after which a dead one says nothing true any more.
    superseded_by TEXT
)
