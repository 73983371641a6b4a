"""Label sets that were seen before, by what spelled them. Senders repeat theirs every few seconds."""

import threading
from collections.abc import Sized
from typing import TypeVar

from monitor.core.labels import Labels

K = TypeVar("K", bound=Sized)
MAX_KEY = 2048


class KnownLabels(dict[K, Labels]):
    """A bounded memory shared by the threads of a process; when it is full, the oldest quarter goes."""

    def __init__(self, limit: int = 250_000) -> None:
        super().__init__()
        self.limit = limit
        self._lock = threading.Lock()

    def __setitem__(self, key: K, labels: Labels) -> None:
        if len(key) > MAX_KEY:
            return
        if len(self) >= self.limit:
            with self._lock:
                for old in list(self)[: self.limit // 4]:
                    self.pop(old, None)
        super().__setitem__(key, labels)
