-- Silences: alerts that nobody wants to hear of for a while; also those that expired lately.
CREATE TABLE silences (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    -- Matchers, times in nanoseconds since 1970 in UTC, author and comment, as JSON.
    body TEXT NOT NULL,
    PRIMARY KEY (tenant, id)
)
