"""mnistop: train, watch and break a digit classifier in a terminal.

Installed as `mnistop`, with the library as `mnistop.engine` and the interface as `mnistop.tui`.
"""
