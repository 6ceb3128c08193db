-- A tenant's incidents that were opened before a moment, the newest first; of one state, or with an empty text of any.
SELECT id, tenant, rule_id, opened_at, resolved_at, body FROM incidents
WHERE tenant = $1 AND opened_at < $2 AND ($3 = '' OR state = $3) AND ($4 = '' OR rule_id = $4)
ORDER BY opened_at DESC, id
LIMIT $5
