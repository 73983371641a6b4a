"""Simulated services: what they say and measure at a moment, and the client that pushes it to a Vigil.

Everything but ``player``, ``push``, ``server`` and ``demo`` is a pure function of time and seed, so a
restart sends the same calls with the same ids again and nothing is counted twice.
"""
