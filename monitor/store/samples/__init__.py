"""Samples as they are written: registered with their series, checked against what is stored, committed as blocks."""
