-- Episodes of alerts, open and resolved. Times are nanoseconds since 1970 in UTC.
CREATE TABLE incidents (
    id TEXT NOT NULL PRIMARY KEY,
    tenant TEXT NOT NULL,
    rule_id TEXT NOT NULL,
    -- open, acknowledged or resolved
    state TEXT NOT NULL,
    opened_at BIGINT NOT NULL,
    -- Nothing while it is not over.
    resolved_at BIGINT,
    -- The rest, as JSON.
    body TEXT NOT NULL
)
