-- Rules that were made over the API. Times are nanoseconds since 1970 in UTC.
CREATE TABLE rules (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    -- Counts the changes.
    version BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    -- As it was sent, in JSON.
    body TEXT NOT NULL,
    PRIMARY KEY (tenant, id)
)
