"""The only place that speaks SQL: how samples, generations and scores are written, read and dropped."""
