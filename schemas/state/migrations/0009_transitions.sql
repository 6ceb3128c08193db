-- What happened to the groups of rules, in order. Times are nanoseconds since 1970 in UTC.
CREATE TABLE transitions (
    tenant TEXT NOT NULL,
    rule_id TEXT NOT NULL,
    at BIGINT NOT NULL,
    -- Distinct among those of one moment.
    number BIGINT NOT NULL,
    -- Kind, labels, value and reason, as JSON.
    body TEXT NOT NULL,
    PRIMARY KEY (tenant, rule_id, at, number)
)
