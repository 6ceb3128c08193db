-- One incident of a tenant.
SELECT id, tenant, rule_id, opened_at, resolved_at, body FROM incidents WHERE tenant = $1 AND id = $2
