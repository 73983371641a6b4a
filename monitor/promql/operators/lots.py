"""Which series limit_ratio() picks: those that Prometheus picks, by the same hash (XXH64) of the same bytes."""

from monitor.core.labels import Labels

_ALL = 2**64 - 1
_A, _B, _C = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
_D, _E = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5
_STRIPE = 32


def lot(labels: Labels) -> float:
    """A number from 0 to 1 that a label set always draws."""
    return xxh64(b"".join(_spelled(text) for pair in labels.items_sorted for text in pair)) / 2**64


def _spelled(text: str) -> bytes:
    """As Prometheus holds names and values in memory: each after its size."""
    raw = text.encode("utf-8", "replace")
    size = bytes([len(raw)]) if len(raw) < 255 else b"\xff" + len(raw).to_bytes(3, "little")
    return size + raw


def xxh64(data: bytes) -> int:
    """XXH64 without a seed."""
    whole = len(data) // _STRIPE * _STRIPE
    mixed = (_of_stripes(data[:whole]) if whole else _E) + len(data) & _ALL
    rest = data[whole:]
    while len(rest) >= 8:
        mixed = _turned(mixed ^ _round(0, rest[:8]), 27) * _A + _D & _ALL
        rest = rest[8:]
    if len(rest) >= 4:
        mixed = _turned(mixed ^ int.from_bytes(rest[:4], "little") * _A & _ALL, 23) * _B + _C & _ALL
        rest = rest[4:]
    for byte in rest:
        mixed = _turned(mixed ^ byte * _E & _ALL, 11) * _A & _ALL
    mixed = (mixed ^ mixed >> 33) * _B & _ALL
    mixed = (mixed ^ mixed >> 29) * _C & _ALL
    return mixed ^ mixed >> 32


def _of_stripes(data: bytes) -> int:
    lanes = [_A + _B & _ALL, _B, 0, -_A & _ALL]
    for start in range(0, len(data), _STRIPE):
        lanes = [
            _round(lane, data[start + 8 * place : start + 8 * place + 8]) for place, lane in enumerate(lanes)
        ]
    mixed = sum(_turned(lane, by) for lane, by in zip(lanes, (1, 7, 12, 18), strict=True)) & _ALL
    for lane in lanes:
        mixed = (mixed ^ _round(0, lane.to_bytes(8, "little"))) * _A + _D & _ALL
    return mixed


def _round(lane: int, eight: bytes) -> int:
    return _turned(lane + int.from_bytes(eight, "little") * _B & _ALL, 31) * _A & _ALL


def _turned(number: int, by: int) -> int:
    return (number << by | number >> 64 - by) & _ALL
