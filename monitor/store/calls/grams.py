"""Which pieces of text may stand in which rows: a bit for each hashed run of four bytes and each few rows. Pure.

A block is 4096 rows in groups of eight. Of 16384 slices each holds one bit per group: whether a run of four bytes
that hashes to the slice stands in a row of the group. A text can only stand in groups whose bit is set in the
slices of all its runs. Runs of bytes, not words: no language needs a rule of its own.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

GROUP = 8
GROUPS = 512
ROWS = GROUP * GROUPS
SLICE_BITS = 14
SLICES = 1 << SLICE_BITS
SLICE_BYTES = GROUPS // 8
RUN = 4
# of a long text so many runs are looked at, evenly spread over it
MOST_RUNS = 12
_FACTOR = np.uint32(2_654_435_761)
_SHIFT = np.uint32(32 - SLICE_BITS)
# first bytes of letters that have two cases and are not ASCII: Latin, Greek, Cyrillic, Armenian
_CASED = bytes(range(0xC3, 0xD6))


def signature(texts: Sequence[bytes]) -> bytes:
    """The bits of up to 4096 texts in UTF-8, slice by slice."""
    folded = _folded(texts)
    marked = np.zeros((GROUPS, SLICES), dtype=np.uint8)
    for first in range(0, len(folded), GROUP):
        joined = b"\n".join(folded[first : first + GROUP]) + b"\n" * RUN
        # all runs at once, as they overlap; widened on the way, for an index is made of 64 bits anyhow
        runs = np.ndarray((len(joined) - RUN + 1,), "<u4", joined, strides=(1,))
        at = np.empty(len(runs), dtype=np.intp)
        np.right_shift(runs * _FACTOR, _SHIFT, out=at, casting="unsafe")
        marked[first // GROUP][at] = 1
    # eight groups to a byte, the first one highest; four times as fast as packbits across rows
    eights = marked.reshape(SLICE_BYTES, 8, SLICES)
    packed = eights[:, 0] << 7
    for place in range(1, 8):
        packed |= eights[:, place] << (7 - place)
    return packed.T.tobytes()


def slices(texts: Sequence[str]) -> list[int]:
    """The slices that must all be set where these texts stand; empty when they are too short to say."""
    found: dict[int, None] = {}
    for text in texts:
        for encoded in _sure(text):
            runs = [int.from_bytes(encoded[at : at + RUN], "little") for at in range(len(encoded) - RUN + 1)]
            found.update(dict.fromkeys(((run * int(_FACTOR)) & 0xFFFFFFFF) >> int(_SHIFT) for run in runs))
    all_of_them = list(found)
    return all_of_them[:: max(1, -(-len(all_of_them) // MOST_RUNS))]


def _sure(text: str) -> list[bytes]:
    """The stretches of a sought text that stand in the bits as they are folded here.

    Letters in two cases beyond those of ``_CASED`` (full-width ones, Vietnamese capitals) are folded in some rows
    and not in others, and a sigma as the letters beside it say: nothing can be told by them.
    """
    if text.isascii():
        return [fold(text)]
    parts = [b""]
    for letter in text:
        if _is_sure(letter):
            parts[-1] += letter.lower().encode()
        elif parts[-1]:
            parts.append(b"")
    return parts


def _is_sure(letter: str) -> bool:
    lower, upper = letter.lower(), letter.upper()
    if lower == upper or letter.isascii():
        return True
    return letter not in "Σσς" and all(
        one.encode()[0] < _CASED[-1] + 2 for one in (letter, lower[0], upper[0])
    )


def groups(held: Sequence[bytes]) -> list[int]:
    """The groups whose bit is set in every slice of ``held``."""
    bits = np.frombuffer(b"".join(held), dtype=np.uint8).reshape(len(held), SLICE_BYTES)
    together: npt.NDArray[np.uint8] = np.bitwise_and.reduce(bits, axis=0)
    return [int(group) for group in np.flatnonzero(np.unpackbits(together))]


def fold(text: str) -> bytes:
    """Upper and lower case are one."""
    return text.lower().encode()


def _folded(texts: Sequence[bytes]) -> list[bytes]:
    whole = b"".join(texts)
    if len(whole.translate(None, _CASED)) == len(whole):
        return [text.lower() for text in texts]
    return [text.lower() if text.isascii() else fold(text.decode(errors="replace")) for text in texts]
