-- Old ones are forgotten by their time.
CREATE INDEX transitions_by_time ON transitions (at)
