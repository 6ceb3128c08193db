-- When alerting was last at work: one row.
CREATE TABLE alive (
    id BIGINT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL
)
