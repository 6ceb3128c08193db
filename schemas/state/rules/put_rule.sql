-- A rule is made or changed.
INSERT INTO rules (tenant, id, version, changed_at, body) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (tenant, id) DO UPDATE SET version = excluded.version, changed_at = excluded.changed_at, body = excluded.body
