"""What the screens do when keys are pressed, apart from drawing."""
