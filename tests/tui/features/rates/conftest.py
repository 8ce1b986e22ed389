from tests.helpers.rates_screen import finder

__all__ = ["finder"]
