-- Whether PostgreSQL was started within $2 milliseconds and somebody else than $1 owned the database before: who lives takes the lock again.
SELECT COUNT(*) FROM state_owner
WHERE id = 1 AND address NOT IN ('', $1)
    AND pg_postmaster_start_time() > clock_timestamp() - $2 * INTERVAL '1 millisecond'
