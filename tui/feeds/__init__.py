"""What the screens show, read or asked for as it is needed."""
