"""The HTTP doors: thin. They find out who asks, hand the bytes down and put the answer into JSON."""
