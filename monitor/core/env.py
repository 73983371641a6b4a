"""Typed readers of environment variables. A value that can't be read is fatal, with its name and the remedy."""

import os
from collections.abc import Mapping
from pathlib import Path

TRUE, FALSE = frozenset({"1", "true", "yes", "on"}), frozenset({"0", "false", "no", "off"})


class BadSettingError(RuntimeError):
    """A variable that can't be read or parsed. Whoever starts the process has to change it."""


class Env:
    """Reads variables; a variable ``NAME`` may also come from the file named by ``NAME_FILE``."""

    def __init__(self, variables: Mapping[str, str] = os.environ) -> None:
        self.variables = variables

    def text(self, name: str, default: str = "") -> str:
        path = self.variables.get(f"{name}_FILE", "")
        if not path:
            return self.variables.get(name, default)
        if name in self.variables:
            message = f"{name} and {name}_FILE are both set; keep one of them"
            raise BadSettingError(message)
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            message = f"{name}_FILE={path}: can't be read ({error}); check the path and its permissions"
            raise BadSettingError(message) from error

    def flag(self, name: str, *, default: bool) -> bool:
        value = self.text(name).lower()
        if value in TRUE | FALSE:
            return value in TRUE
        if value == "":
            return default
        message = f"{name}={value!r}: not a yes or no; use 1 or 0"
        raise BadSettingError(message)

    def number(self, name: str, default: int, *, least: int = 0) -> int:
        value = self.text(name)
        if value == "":
            return default
        if not value.isdecimal() or int(value) < least:
            message = f"{name}={value!r}: not a whole number of at least {least}"
            raise BadSettingError(message)
        return int(value)

    def names(self, name: str, default: str = "") -> list[str]:
        """A comma-separated list, blanks dropped."""
        return [part.strip() for part in self.text(name, default).split(",") if part.strip()]

    def pairs(self, name: str) -> list[tuple[str, str]]:
        """A comma-separated list of ``KEY=VALUE``."""
        parts = [part.partition("=") for part in self.names(name)]
        bad = next(
            (key for key, equals, value in parts if not (key.strip() and equals and value.strip())), None
        )
        if bad is not None:
            message = f"{name}: {bad!r} is not KEY=VALUE; separate several with commas"
            raise BadSettingError(message)
        return [(key.strip(), value.strip()) for key, _, value in parts]

    def address(self, name: str, default: str) -> tuple[str, int]:
        """``HOST:PORT`` (IPv6 hosts in brackets)."""
        value = self.text(name, default)
        host, _, port = value.rpartition(":")
        if not host or not port.isdecimal() or not 0 <= int(port) < 65_536:
            message = f"{name}={value!r}: not HOST:PORT; for example 127.0.0.1:8000"
            raise BadSettingError(message)
        return host.strip("[]"), int(port)
