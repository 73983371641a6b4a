"""Alerts to people: who is told, when a group speaks, what is silenced, and that it arrives."""
