-- What a channel was told last of a group of alerts. Gone when nothing of it fires any more.
CREATE TABLE notified_groups (
    tenant TEXT NOT NULL,
    channel TEXT NOT NULL,
    group_key TEXT NOT NULL,
    -- Labels, the time in nanoseconds since 1970 in UTC, and the alerts that fired, as JSON.
    body TEXT NOT NULL,
    PRIMARY KEY (tenant, channel, group_key)
)
