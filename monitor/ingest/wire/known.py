"""Label sets that were seen before, by the bytes that spelled them. Senders repeat theirs every few seconds."""

import threading
from typing import Generic, TypeVar

from monitor.core.labels import Labels

K = TypeVar("K")
MAX_KEY_BYTES = 8192


class KnownLabels(Generic[K]):
    """A bounded memory shared by the threads of a process; when it is full, the oldest quarter goes."""

    def __init__(self, limit: int = 50_000) -> None:
        self.limit = limit
        self.known: dict[K, Labels] = {}
        self._lock = threading.Lock()

    def remember(self, key: K, labels: Labels) -> None:
        if len(self.known) >= self.limit:
            with self._lock:
                for old in list(self.known)[: self.limit // 4]:
                    self.known.pop(old, None)
        self.known[key] = labels
