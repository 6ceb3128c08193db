-- What happened to the groups of a rule before a moment, the latest first.
SELECT at, body FROM transitions WHERE tenant = $1 AND rule_id = $2 AND at < $3 ORDER BY at DESC, number DESC LIMIT $4
