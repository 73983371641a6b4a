"""The servers that hold everything: where they lie, how ours are started, and the one file all is kept in."""
