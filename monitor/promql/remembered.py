"""What was worked out of expressions, so long as there is room: whoever asks ever new ones fills no memory with them."""

from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Remembered(Generic[Key, Value]):
    """Values by key; where their weights come to more than ``room``, those asked for least recently go."""

    def __init__(self, room: int) -> None:
        self.room, self.used = room, 0
        self.kept: OrderedDict[Key, tuple[Value, int]] = OrderedDict()
        self.lock = Lock()

    def get(self, key: Key) -> Value | None:
        with self.lock:
            found = self.kept.get(key)
            if found is None:
                return None
            self.kept.move_to_end(key)
            return found[0]

    def put(self, key: Key, value: Value, weight: int) -> None:
        with self.lock:
            before = self.kept.pop(key, None)
            self.kept[key] = value, weight
            self.used += weight - (0 if before is None else before[1])
            while self.used > self.room:
                self.used -= self.kept.popitem(last=False)[1][1]
