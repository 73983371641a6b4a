"""The drift engine: arrays of additive sketches in event time in, effects and evidence out. Pure numpy."""
