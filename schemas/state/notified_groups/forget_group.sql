-- A group of which nothing fires any more.
DELETE FROM notified_groups WHERE tenant = $1 AND channel = $2 AND group_key = $3
