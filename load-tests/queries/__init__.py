"""How fast the read side answers: simulated dashboards beside ingestion, and what no cache helps with.

`load-tests/run-queries` is the way in; `load-tests/README.md` says what is measured.
"""
