"""What was really asked, out of a prompt that may hold instructions and the documents themselves. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from monitor.quality.grounding import sentences

# a prompt this short is the question
SHORT = 400
# so much of a document in a prompt shows that it was pasted there
PASTED = 40


def asked(prompt: str, messages: Any, contexts: Sequence[str]) -> str:
    """The last thing a user said, without pasted documents; of a long text its questions, else its end."""
    text = _last_of_user(messages) or prompt
    for context in contexts:
        part = context.strip()
        if len(part) >= PASTED:
            text = text.replace(part, " ")
    text = text.strip()
    if len(text) <= SHORT:
        return text
    found = [one.text for one in sentences.split(text)]
    questions = [one for one in found if one.endswith(("?", "？"))]
    return " ".join(questions[-2:])[-SHORT:] if questions else text[-SHORT:]


def _last_of_user(messages: Any) -> str:
    if not isinstance(messages, list):
        return ""
    for one in reversed(messages):
        if isinstance(one, Mapping) and one.get("role") == "user" and isinstance(one.get("content"), str):
            return str(one["content"])
    return ""
