"""Personal data and secrets out of texts, before anything is stored. Names and postal addresses are not found."""
