-- Whether this session is now the one that holds the lock (0x5446, 1): it does as long as it lives, and nobody else does.
SELECT pg_try_advisory_lock(21574, 1)
