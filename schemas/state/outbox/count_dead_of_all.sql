-- How many dead letters all tenants have, by channel.
SELECT channel, COUNT(*) FROM outbox WHERE dead_at IS NOT NULL GROUP BY channel
