-- All rules that were made over the API.
SELECT tenant, id, version, changed_at, body FROM rules ORDER BY tenant, id
