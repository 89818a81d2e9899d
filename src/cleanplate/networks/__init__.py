"""What is learned: the two stages, their losses and the model file."""
