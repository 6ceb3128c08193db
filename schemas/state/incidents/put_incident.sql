-- How an incident stands now.
INSERT INTO incidents (id, tenant, rule_id, state, opened_at, resolved_at, body) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (id) DO UPDATE SET state = excluded.state, resolved_at = excluded.resolved_at, body = excluded.body
