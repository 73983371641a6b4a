"""Grafana's colours as tokens of ours: by name, or by the hue of a hex or rgb value."""

import colorsys
import re

NAMES = {
    "green": "good", "red": "bad", "orange": "warn", "yellow": "v6", "blue": "v0", "purple": "v3", "text": "neutral",
    "transparent": "", "white": "neutral", "black": "neutral", "gray": "neutral", "grey": "neutral", "semi-dark": "neutral",
}  # fmt: skip
# hue in degrees, up to which the token holds
HUES = ((20, "bad"), (48, "warn"), (70, "v6"), (165, "good"), (250, "v0"), (330, "v3"), (361, "bad"))
SHADE = re.compile(r"^(super-light|light|semi-dark|dark)-")
HEX = re.compile(r"^#([0-9a-fA-F]{6})")
RGB = re.compile(r"^rgba?\(\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)")
BACK = {"good": "green", "bad": "red", "warn": "orange", "neutral": "text", "v0": "blue", "v1": "orange", "v2": "green", "v3": "purple", "v4": "dark-orange", "v5": "dark-blue", "v6": "yellow"}  # fmt: skip


def token(name: str) -> str:
    """The nearest token; empty for what is no colour."""
    plain = SHADE.sub("", name.strip().lower())
    if plain in NAMES:
        return NAMES[plain]
    digits = HEX.match(plain)
    if digits:
        return _hue(*(int(digits[1][place : place + 2], 16) for place in (0, 2, 4)))
    parts = RGB.match(plain)
    return _hue(*(int(part) for part in parts.groups())) if parts else ""


def _hue(red: int, green: int, blue: int) -> str:
    hue, _light, saturation = colorsys.rgb_to_hls(red / 255, green / 255, blue / 255)
    if saturation < 0.15:
        return "neutral"
    return next(found for limit, found in HUES if hue * 360 < limit)
