"""One colour per version, everywhere: the slots are tokens of the stylesheet (Okabe and Ito's palette).

Figures carry ``var(--v3)``; the browser puts in the colour of the theme, so both themes keep their contrast.
"""

from collections.abc import Iterable

SLOTS = 7
NEUTRAL = "var(--neutral)"
BAD = "var(--bad)"
WARN = "var(--warn)"
GOOD = "var(--good)"


def slot(index: int) -> str:
    return f"var(--v{index % SLOTS})"


def assign(names: Iterable[str]) -> dict[str, str]:
    """A colour for each name, in the order given; give the oldest first and nothing ever changes colour."""
    return {name: slot(index) for index, name in enumerate(dict.fromkeys(names))}
