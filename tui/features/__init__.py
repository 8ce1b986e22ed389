"""What a person does, a folder each; none imports another."""
