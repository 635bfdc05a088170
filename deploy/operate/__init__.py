"""What operators do from a terminal: look what is wrong, decide on parked events, repair."""
