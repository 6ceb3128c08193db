-- One notification per tenant, channel and group waits: the newest.
CREATE UNIQUE INDEX outbox_waiting ON outbox (tenant, channel, group_key) WHERE dead_at IS NULL
