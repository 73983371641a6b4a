"""Encodings that protocols share: the Protobuf messages of remote-write and the caches that make them quick."""
