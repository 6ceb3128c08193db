-- What a channel was told last of a group.
INSERT INTO notified_groups (tenant, channel, group_key, body) VALUES ($1, $2, $3, $4)
ON CONFLICT (tenant, channel, group_key) DO UPDATE SET body = excluded.body
