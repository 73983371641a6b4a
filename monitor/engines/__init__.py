"""Inference engines: their names made one, the cards they run on, what limits them, what moved with an alert."""
