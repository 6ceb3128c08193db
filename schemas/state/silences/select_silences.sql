-- All silences.
SELECT tenant, id, body FROM silences ORDER BY tenant, id
