"""Boards: a JSON document in, panels with their data out. ``document`` is where to begin."""
