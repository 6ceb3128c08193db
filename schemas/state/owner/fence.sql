-- A row while this is still the owner's term; until the transaction has ended nobody else can begin one.
SELECT term FROM state_owner WHERE id = 1 AND term = $1 FOR SHARE
