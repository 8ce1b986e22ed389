"""The folders of runs and of sweeps: how they are read, listed, found and deleted."""
