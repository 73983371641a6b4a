"""What becomes of samples with time: merged, sealed into chunks, thinned to coarse points, carried elsewhere."""
