from tests.helpers.weights_screen import answers

__all__ = ["answers"]
