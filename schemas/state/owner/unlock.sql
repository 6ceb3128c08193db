-- Lets go of the lock (0x5446, 1) at once; the end of the session would, too.
SELECT pg_advisory_unlock(21574, 1)
