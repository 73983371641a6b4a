"""Bytes in, points out: every protocol becomes the same envelope, is redacted, stored and derived once."""
