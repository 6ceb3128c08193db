-- When alerting was last at work.
SELECT at FROM alive WHERE id = 1
