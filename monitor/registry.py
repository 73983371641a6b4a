"""Name → dotted path, imported on first use. A plug point is a folder with such a list in its ``__init__``."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any


class UnknownNameError(KeyError):
    """A name that the list doesn't hold; says what it does hold."""

    def __str__(self) -> str:
        return str(self.args[0])


class Registry(Mapping[str, Any]):
    """A frozen list of things of one kind; looking one up imports it and nothing else."""

    def __init__(self, kind: str, paths: Mapping[str, str]) -> None:
        self.kind = kind
        self.paths = dict(paths)
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._loaded:
            self._loaded[name] = self._load(name)
        return self._loaded[name]

    def _load(self, name: str) -> Any:
        if name not in self.paths:
            message = f"no {self.kind} is called {name!r}; known are {', '.join(self.paths)}"
            raise UnknownNameError(message)
        module, _, attribute = self.paths[name].rpartition(".")
        return getattr(import_module(module), attribute)

    def __iter__(self) -> Iterator[str]:
        return iter(self.paths)

    def __len__(self) -> int:
        return len(self.paths)

    def says(self, name: str) -> str:
        """What the thing says of itself in one line: the first of its docstring."""
        return (self[name].__doc__ or "").partition("\n")[0]

    def choices(self) -> list[tuple[str, str]]:
        """For a model field: the names, without importing anything."""
        return [(name, name) for name in self.paths]
