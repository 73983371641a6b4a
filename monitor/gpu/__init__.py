"""Is a card full, hot, throttled or broken? NVML readings into series."""
