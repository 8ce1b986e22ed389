from tests.helpers.app_fixtures import answers, opened, workers

__all__ = ["answers", "opened", "workers"]
