"""The query language: text in, arrays out. Knows nothing of storage, HTTP or clocks."""
