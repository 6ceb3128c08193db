-- Lists are of one tenant, the newest first.
CREATE INDEX incidents_by_tenant ON incidents (tenant, opened_at)
