"""Pure notions shared by every floor: labels, samples, histograms, durations, fields. No Django, no network."""
