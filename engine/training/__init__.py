"""How a model learns: the model's state, its steps, and what it is trained and tested on."""
