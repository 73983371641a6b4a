"""What changed: which slice of the calls the change behind an alert comes from."""
