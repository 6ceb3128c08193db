-- A notification waits to be sent.
INSERT INTO outbox (id, tenant, channel, group_key, at, body) VALUES ($1, $2, $3, $4, $5, $6)
