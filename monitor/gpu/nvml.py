"""The one door to NVML: opens the library, asks, and sorts what it refuses by who can do what about it.

Needs no Django and nothing but the module ``pynvml``. A question that a card does not support is remembered and
not asked again until the driver is opened anew or ``forget`` is called.
"""

import _ctypes
import contextlib
from importlib import import_module
from pathlib import Path
from typing import Any

DEVICE_FILES = ("/dev/nvidiactl", "/dev/dxg")
# error numbers of nvml.h; any other is no answer this time. A single 8 (power), 11 (interrupts) or 14 (inforom) may
# come from a card that works; one that answers nothing else is found by that
UNSUPPORTED = frozenset({2, 3, 4, 13, 22, 25, 26})
LOST = frozenset({15, 16, 28})
DRIVER_GONE = frozenset({1, 9, 12, 18})
DRIVER_NOT_LOADED, TIMEOUT, LIBRARY_NOT_FOUND, VERSION_MISMATCH = 9, 10, 12, 18


class NoAnswerError(RuntimeError):
    """A question without an answer, now or ever; others have one. Base of what a reader of one figure may ignore.

    ``code``: NVML's number of why, if it is NVML that says so.
    """

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code


class UnsupportedError(NoAnswerError):
    """The card or its driver does not know this figure. Asking again soon is a waste."""


class CardLostError(RuntimeError):
    """One card does not answer any more; the others do. Whoever runs the host has to reset it or look at it."""


class DriverGoneError(RuntimeError):
    """NVML as a whole does not answer: no driver, unloaded, or replaced under our feet. Open it again later.

    ``state`` is one of no_driver, version_mismatch and failing.
    """

    def __init__(self, message: str, state: str) -> None:
        super().__init__(message)
        self.state = state


class Driver:
    """NVML, opened. ``library`` is the module ``pynvml`` or what looks like it."""

    def __init__(self, library: Any = None) -> None:
        self.library = library or import_module("pynvml")
        self.errors: tuple[type[Exception], ...] = (
            self.library.NVMLError,
            self.library.NVMLLibraryMismatchError,
        )
        self.is_open = False
        self._unsupported: set[tuple[Any, ...]] = set()

    def open(self) -> None:
        """Raises DriverGoneError, with the remedy."""
        self._unsupported.clear()
        try:
            self.library.nvmlInit()
        except self.errors as error:
            _let_go(self.library)
            raise self._gone(error) from error
        self.is_open = True

    def close(self, *, let_go: bool = True) -> None:
        """Shut NVML down; ``let_go`` of the library's file too, so that the next ``open`` finds a newer one."""
        if self.is_open:
            with contextlib.suppress(*self.errors):
                self.library.nvmlShutdown()
        self.is_open = False
        if let_go:
            _let_go(self.library)

    def forget(self) -> None:
        """Ask again what was unsupported: a card may have been repartitioned, or got permission."""
        self._unsupported.clear()

    def ask(self, key: object, function: str, *arguments: Any) -> Any:
        """The answer of ``function``; ``key`` names whom it is asked of (for what is unsupported)."""
        asked = (key, function, *(one for one in arguments if isinstance(one, int)))
        if asked in self._unsupported:
            raise UnsupportedError(function)
        try:
            return getattr(self.library, function)(*arguments)
        except AttributeError as error:
            self._unsupported.add(asked)
            raise UnsupportedError(function) from error
        except UnicodeDecodeError as error:
            # the bindings decode strictly; a process may be named in any bytes
            message = f"{function}: a text that is not UTF-8"
            raise NoAnswerError(message) from error
        except self.errors as error:
            raise self._sorted(error, function, asked) from error

    def _sorted(self, error: Exception, function: str, asked: tuple[Any, ...]) -> RuntimeError:
        code = number(error)
        if code in DRIVER_GONE:
            return self._gone(error)
        if code in LOST:
            return CardLostError(f"{function}: {error}")
        if code in UNSUPPORTED or code is None:
            self._unsupported.add(asked)
            return UnsupportedError(f"{function}: {error}", code)
        return NoAnswerError(f"{function}: {error}", code)

    def _gone(self, error: Exception) -> DriverGoneError:
        code = number(error)
        if code == VERSION_MISMATCH:
            return DriverGoneError(
                f"the driver was replaced while its old library was in use ({error}); it is opened again, and "
                "if that does not help, reboot the host or reload the nvidia module",
                "version_mismatch",
            )
        if code in {LIBRARY_NOT_FOUND, DRIVER_NOT_LOADED}:
            return DriverGoneError(
                f"no NVIDIA driver on this machine ({error}); read the cards on the hosts that have them",
                "no_driver",
            )
        return DriverGoneError(f"NVML does not answer: {error}; see dmesg on this host", "failing")


def number(error: Exception) -> int | None:
    """NVML's number of an error; None for a complaint of the bindings themselves."""
    value = getattr(error, "value", None)
    return value if isinstance(value, int) else None


def present() -> bool:
    """Whether a driver seems to be here: its device file (or that of Windows' subsystem) is. Loads nothing."""
    return any(Path(one).exists() for one in DEVICE_FILES)


def _let_go(library: Any) -> None:
    """The bindings keep the shared object and its functions for ever; an upgraded driver needs the new file."""
    loaded = getattr(library, "nvmlLib", None)
    if loaded is None:
        return
    library.nvmlLib = None
    library._nvmlGetFunctionPointer_cache.clear()  # noqa: SLF001 — the bindings offer no other way
    handle = getattr(loaded, "_handle", None)
    if handle is not None:
        with contextlib.suppress(OSError):
            _ctypes.dlclose(handle)
