-- How all groups stood.
SELECT rule_tenant, rule_id, tenant, group_values, known_since, body FROM instances
