-- How many dead letters a tenant has, by channel.
SELECT channel, COUNT(*) FROM outbox WHERE tenant = $1 AND dead_at IS NOT NULL GROUP BY channel
