"""How little it takes to fool the model."""
