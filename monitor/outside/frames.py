"""What chat templates take for the frame of a message, made harmless where it stands in a text. Pure.

A server that turns a text into tokens may read ``<|im_start|>`` in it as the beginning of another speaker, whatever
quotes stand around. Every family of models has frames of its own, so anything that looks like one is broken up:
bars in angle brackets (ChatML, Llama; full-width ones: DeepSeek), tags (Gemma, GLM), words in brackets (Mistral).
"""

import re

_FRAMES = re.compile(
    r"<[|\uff5c]|[|\uff5c]>|<<|>>|</?[A-Za-z_][\w\u2581:-]{0,40}>|\[/?(?:[A-Za-z_]*[A-Z][A-Za-z_]*|inst|sys)\]"
)
_SIGNS = re.compile(r"[<>\[\]|\uff5c]")


def harmless(text: str) -> str:
    """The text with the signs of frames written as JSON escapes, so that inside a JSON string it stays the same."""
    return _FRAMES.sub(lambda found: _SIGNS.sub(_escaped, found[0]), text)


def _escaped(sign: re.Match[str]) -> str:
    return f"\\u{ord(sign[0]):04x}"
