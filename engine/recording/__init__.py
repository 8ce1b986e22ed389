"""The files of a run, written during training so that a crash loses little."""
