"""Many runs at once, side by side."""
