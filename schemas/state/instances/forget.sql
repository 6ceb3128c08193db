-- Nobody waits for this group.
DELETE FROM instances WHERE rule_tenant = $1 AND rule_id = $2 AND tenant = $3 AND group_values = $4
