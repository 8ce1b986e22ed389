"""Where images and labels come from, how they are checked, split and described."""
