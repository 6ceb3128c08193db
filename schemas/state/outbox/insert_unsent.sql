-- A notification waits to be sent. It may have been refused already: where it was not heard that a transaction was committed, it comes again.
INSERT INTO outbox (id, tenant, channel, group_key, at, body) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (id) DO NOTHING
