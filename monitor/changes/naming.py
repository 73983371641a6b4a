"""Values of dimensions by names that people know."""

from collections.abc import Sequence

import numpy as np

from monitor.changes.tables import Dimension, dimension
from monitor.store.calls.slices import GROUPS, LENGTHS


def of_number(name: str, key: int) -> str:
    """What a band, a flag or a group is called."""
    if name == "length":
        return _band(key - 1)
    if name == "cached":
        return "yes" if key == 1 else "no"
    return f"{key} of {GROUPS}" if name == "user_group" else str(key)


def of_texts(name: str, texts: Sequence[str]) -> tuple[Dimension, dict[int, str]]:
    """A dimension out of texts (empty: unknown), and what its codes stand for."""
    known = sorted(set(texts) - {""})
    keys = {text: place + 1 for place, text in enumerate(known)} | {"": 0}
    one = dimension(name, np.array([keys[text] for text in texts], dtype=np.int64), missing=0)
    return one, {code: known[int(key) - 1] for code, key in enumerate(one.values)}


def _band(place: int) -> str:
    """Tokens of the prompt; bands are closed below and open above."""
    if place == 0:
        return f"<{LENGTHS[0]} tokens"
    if place == len(LENGTHS):
        return f"≥{LENGTHS[-1]} tokens"
    return f"{LENGTHS[place - 1]}-{LENGTHS[place] - 1} tokens"
