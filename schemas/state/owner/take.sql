-- A new owner begins its term. Waits for the transactions that the one before it still has open.
INSERT INTO state_owner (id, term, address, since)
VALUES (1, 1, $1, CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000000 AS BIGINT))
ON CONFLICT (id) DO UPDATE SET term = state_owner.term + 1, address = excluded.address, since = excluded.since
RETURNING term
