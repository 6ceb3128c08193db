-- Who writes this database: one row. PostgreSQL only; a file of SQLite is locked as a file.
CREATE TABLE IF NOT EXISTS state_owner (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    -- Counts the owners there were. What a transaction writes counts only while this is still its own.
    term BIGINT NOT NULL,
    -- How others reach the owner; empty if it is alone.
    address TEXT NOT NULL,
    -- In nanoseconds since 1970 in UTC.
    since BIGINT NOT NULL
)
