"""The headless library behind mnistop: configurations, data, training, runs and attacks."""
