-- How a group stands now.
INSERT INTO instances (rule_tenant, rule_id, tenant, group_values, known_since, body) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (rule_tenant, rule_id, tenant, group_values) DO UPDATE SET known_since = excluded.known_since, body = excluded.body
