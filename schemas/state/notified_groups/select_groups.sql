-- All groups.
SELECT tenant, channel, group_key, body FROM notified_groups ORDER BY tenant, channel, group_key
