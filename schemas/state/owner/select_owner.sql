-- The owner, if a session that lives holds the lock (0x5446, 1) of this database.
SELECT term, address FROM state_owner
WHERE id = 1 AND EXISTS (
    SELECT 1 FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
    WHERE pg_database.datname = current_database() AND pg_locks.locktype = 'advisory' AND pg_locks.granted
        AND pg_locks.classid = 21574 AND pg_locks.objid = 1 AND pg_locks.objsubid = 2
)
