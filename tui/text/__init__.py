"""A run, a sweep, rates and attacks in words and pictures: the same in the app and the commands."""
