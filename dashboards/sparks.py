"""Sparklines as inline SVG: readable before any script has run. A gap stays a gap."""

import math
from collections.abc import Sequence

WIDTH = 96
HEIGHT = 22
PAD = 2


def spark(values: Sequence[float | None], *, floor: float | None = None) -> str:
    """An SVG path through ``values``; empty text when fewer than two are known. ``floor`` pins the scale."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    if len(known) < 2:
        return ""
    low = min(known) if floor is None else min(floor, *known)
    high = max(known)
    flat = high == low
    across = (WIDTH - 2 * PAD) / max(len(values) - 1, 1)
    path, pen = [], False
    for index, value in enumerate(values):
        if value is None or not math.isfinite(value):
            pen = False
            continue
        y = HEIGHT / 2 if flat else HEIGHT - PAD - (value - low) / (high - low) * (HEIGHT - 2 * PAD)
        path.append(f"{'L' if pen else 'M'}{PAD + index * across:.0f} {y:.1f}")
        pen = True
    return (
        f'<svg class="spark" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'preserveAspectRatio="none" aria-hidden="true" focusable="false"><path d="{"".join(path)}"/></svg>'
    )
