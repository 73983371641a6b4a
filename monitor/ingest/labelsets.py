"""Which label sets are taken from outside. Names may be any UTF-8 text, as in Prometheus 3; pure."""

from collections.abc import Iterable

from monitor.core.labels import NAME, Labels

MAX_LABELS = 100
MAX_NAME_BYTES = 512
MAX_VALUE_BYTES = 4096


class BadLabelsError(ValueError):
    """A label set that is refused; ``field`` says which label. The sender has to mend it."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"{field}: {why}")
        self.field = field
        self.why = why


def checked(pairs: Iterable[tuple[str, str]], *, named: bool = True) -> Labels:
    """The label set of ``pairs``; raises BadLabelsError. ``named``: a metric name must be among them."""
    seen: dict[str, str] = {}
    for name, value in pairs:
        if name in seen:
            raise BadLabelsError(shown(name), "the label stands there twice; send each label once")
        if len(seen) >= MAX_LABELS:
            raise BadLabelsError("labels", f"more than {MAX_LABELS} labels; send fewer")
        _check(name, value)
        seen[name] = value
    if named and not seen.get(NAME):
        raise BadLabelsError(NAME, "no metric name; every series needs one")
    return Labels(seen, lasting=True)


def _check(name: str, value: str) -> None:
    if not name:
        raise BadLabelsError("labels", "a label without a name; name it")
    if "\x00" in name or "\x00" in value:
        raise BadLabelsError(shown(name), "holds a NUL character; leave it out")
    if name.isascii() and value.isascii() and len(name) <= MAX_NAME_BYTES and len(value) <= MAX_VALUE_BYTES:
        return
    try:
        name_bytes, value_bytes = len(name.encode()), len(value.encode())
    except UnicodeEncodeError as error:
        raise BadLabelsError(shown(name), "holds half of a surrogate pair; send valid UTF-8") from error
    if name_bytes > MAX_NAME_BYTES:
        raise BadLabelsError(shown(name), f"a name of {name_bytes} bytes; at most {MAX_NAME_BYTES}")
    if value_bytes > MAX_VALUE_BYTES:
        raise BadLabelsError(shown(name), f"a value of {value_bytes} bytes; at most {MAX_VALUE_BYTES}")


def shown(name: str) -> str:
    """A label name short and valid enough for an error message."""
    text = name.encode("utf-8", "replace").decode().replace("\x00", "\ufffd")
    return text if len(text) <= 64 else text[:64] + "…"
