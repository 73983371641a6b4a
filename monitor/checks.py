"""Configuration mistakes, found before the server listens: each has an id and a hint."""
