-- Whose turn it is.
SELECT term FROM state_owner WHERE id = 1
