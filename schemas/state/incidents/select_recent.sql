-- Incidents that are not over, or ended so lately that they may be taken up again.
SELECT id, tenant, rule_id, opened_at, resolved_at, body FROM incidents WHERE resolved_at IS NULL OR resolved_at >= $1
