-- Something happened to a group.
INSERT INTO transitions (tenant, rule_id, at, number, body)
VALUES ($1, $2, $3, (SELECT COALESCE(MAX(number), 0) + 1 FROM transitions WHERE tenant = $1 AND rule_id = $2 AND at = $3), $4)
