"""A simulated NVML below the bindings: they run unchanged, only the shared object's functions are Python's.

For demos and tests; the names of its cards always say "Simulated". It proves how we speak to ``pynvml`` and what
we make of the answers and errors, not what a real driver answers.
"""
