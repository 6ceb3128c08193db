"""What is behind `load-tests/run`: servers and baselines are started, loaded and compared, and a page is written."""
