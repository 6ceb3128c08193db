-- What is long ago is forgotten.
DELETE FROM transitions WHERE at < $1
