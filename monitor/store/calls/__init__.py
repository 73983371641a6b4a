"""Calls of models: their rows, texts, vectors and marks, as they are written, searched, listed and compared."""
