-- Groups of rules that are pending, fire or are waited for. A row goes when nobody waits for it. Times are nanoseconds since
-- 1970 in UTC.
CREATE TABLE instances (
    -- Empty for a rule of all tenants.
    rule_tenant TEXT NOT NULL,
    rule_id TEXT NOT NULL,
    tenant TEXT NOT NULL,
    -- The values of the labels to group by, as a JSON list.
    group_values TEXT NOT NULL,
    known_since BIGINT NOT NULL,
    -- State and thresholds, as JSON.
    body TEXT NOT NULL,
    PRIMARY KEY (rule_tenant, rule_id, tenant, group_values)
)
