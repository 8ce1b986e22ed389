"""Training: the model's state, its steps, and the images it is trained and tested on."""
