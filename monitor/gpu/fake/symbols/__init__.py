"""The functions of the library that we use, by what they tell; each enters itself in the table of symbols."""

from monitor.gpu.fake.symbols import events, fields, gpm, host, links, load, memory, partitions, processes

__all__ = ["events", "fields", "gpm", "host", "links", "load", "memory", "partitions", "processes"]
