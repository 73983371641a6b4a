"""The read path of samples: which series a matcher means, and what they hold between two times."""
