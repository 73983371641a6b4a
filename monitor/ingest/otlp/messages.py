"""Prompts and answers in the shapes that senders have, as messages of a role and a text. Pure.

A message is ``{"role", "content"}``, with ``tool_calls``, ``reasoning`` and ``parts`` where it has some. A lone
text of the expected role becomes that text.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec

from monitor.ingest.otlp import readers

Message = dict[str, Any]
Content = str | list[Message]
Path = tuple[str, ...]

MOST_MESSAGES = 2_000
# parts with data of other kinds are named, their bytes are not kept
_PART_NAMES = ("type", "modality", "mime_type", "uri", "file_id", "mediaType")


class _Part(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    type: Literal["text"]
    content: str


class _Plain(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A message as nearly all are; what else one may hold is read by ``message``."""

    role: Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
    parts: list[_Part] | None = None
    content: str = ""
    finish_reason: str = ""


_PLAIN = msgspec.json.Decoder(Annotated[list[_Plain], msgspec.Meta(min_length=1, max_length=MOST_MESSAGES)])


def _plain(value: str) -> list[Message] | None:
    try:
        found = _PLAIN.decode(value)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return None
    return [
        {
            "role": one.role,
            "content": one.content if one.parts is None else "\n".join([part.content for part in one.parts]),
        }
        for one in found
    ]


def read(value: Any, role: str) -> Content:
    """Whatever stands in an attribute of prompts (role ``user``) or answers (role ``assistant``)."""
    if isinstance(value, str):
        if value[:1] not in "[{":
            return value
        plain = _plain(value) if value[:1] == "[" else None
        if plain is not None:
            return simplest(plain, role)
        decoded = readers.json(value)
        if decoded is None:
            return value
        found = _messages(decoded, role)
        return value if found is None else simplest(found, role)
    found = _messages(value, role)
    return simplest(found, role) if found else ""


def of_family(members: Iterable[tuple[Path, Any]], role: str) -> Content:
    """Messages out of numbered attributes such as ``….0.message.role``."""
    plain: dict[str, Message] = {}
    members = list(members)
    for path, value in members:
        name = path[-1]
        if len(path) != (3 if path[1] == "message" else 2) or name not in {"role", "content"}:
            break
        plain.setdefault(path[0], {"role": role, "content": ""})[name] = value
    else:
        if all(isinstance(part, str) for one in plain.values() for part in one.values()):
            return simplest([plain[n] for n in sorted(plain, key=int)][:MOST_MESSAGES], role)
    return simplest([message(one, role) for one in tree(members)], role)


def tree(members: Iterable[tuple[Path, Any]]) -> list[Any]:
    """Numbered attributes as the list they spell."""
    root: dict[str, Any] = {}
    for path, value in members:
        at = root
        for part in path[:-1]:
            below = at.setdefault(part, {})
            if not isinstance(below, dict):
                break
            at = below
        else:
            at[path[-1]] = value
    listed = _listed(root)
    return listed if isinstance(listed, list) else []


def _listed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value and all(key.isdecimal() for key in value):
        return [_listed(value[key]) for key in sorted(value, key=int)][:MOST_MESSAGES]
    return {key: _listed(part) for key, part in value.items()}


def _messages(value: Any, role: str) -> list[Message] | None:
    """None for JSON that holds no messages."""
    if isinstance(value, list):
        return _of_list(value, role)
    if not isinstance(value, dict):
        return None
    if "role" in value or "parts" in value:
        return [message(value, role)]
    listed = value.get("messages")
    if isinstance(listed, list):
        found = _messages(listed, role) or []
        system = value.get("system")
        return [{"role": "system", "content": system}, *found] if isinstance(system, str) else found
    for name in ("prompt", "content", "text"):
        if isinstance(value.get(name), str):
            return [{"role": role, "content": value[name]}]
    return None


def _of_list(value: list[Any], role: str) -> list[Message] | None:
    value = value[:MOST_MESSAGES]
    if all(isinstance(one, str) for one in value):
        return [{"role": role, "content": one} for one in value]
    if not all(isinstance(one, dict) for one in value):
        return None
    if all("role" in one or "parts" in one or str(one.get("type")) in _ITEMS for one in value):
        return [message(one, role) for one in map(_of_item, value) if one]
    # the parts of one message
    return [message({"parts": value}, role)] if all("type" in one for one in value) else None


# what stands between messages in OpenAI's Responses
_ITEMS = frozenset({"message", "reasoning", "function_call", "function_call_output"})


def _of_item(one: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """A message as it is; a step between two as a message. A thought of which nothing is told is none."""
    if "role" in one or "parts" in one:
        return one
    kind = one["type"]
    if kind == "reasoning":
        said = [text(part.get("text")) for part in _sequence(one.get("summary")) if isinstance(part, dict)]
        return {"content": "", "reasoning": "\n".join(said)} if any(said) else None
    if kind == "function_call":
        return {"tool_calls": [one]}
    return {"role": "tool", "content": one.get("output")} if kind == "function_call_output" else one


def message(given: Any, role: str) -> Message:
    """One message of whatever spelling."""
    if not isinstance(given, dict):
        return {"role": role, "content": text(given)}
    # a message by itself, or that of a completion that knows no roles
    inner = next(
        (given[name] for name in ("message", "prompt", "completion") if isinstance(given.get(name), dict)),
        None,
    )
    if inner is not None:
        given = inner
    content = given.get("parts", given.get("contents", given.get("content", given.get("text"))))
    made: Message = {"role": str(given.get("role") or role)[:40], "content": ""}
    if isinstance(content, list):
        _take_parts(made, content)
        if not made["content"] and isinstance(given.get("content"), str):
            # the text stands beside its parts
            made["content"] = given["content"]
    else:
        made["content"] = text(content)
    if isinstance(given.get("reasoning"), str):
        made.setdefault("reasoning", given["reasoning"])
    calls = [*made.get("tool_calls", ()), *map(_tool_call, _sequence(given.get("tool_calls")))]
    if isinstance(given.get("function_call_name"), str):
        asked = {"name": given["function_call_name"], "arguments": given.get("function_call_arguments_json")}
        calls.append(_tool_call(asked))
    if calls:
        made["tool_calls"] = calls
    return made


def _take_parts(made: Message, parts: Sequence[Any]) -> None:
    texts: list[str] = []
    others: list[Any] = []
    for given in parts[:MOST_MESSAGES]:
        part = given.get("message_content", given) if isinstance(given, dict) else {"content": given}
        kind = str(part.get("type") or "text").replace("-", "_")
        said = part.get("content", part.get("text"))
        if kind in {"text", "input_text", "output_text"} or (kind == "refusal" and said):
            texts.append(text(said))
        elif kind == "reasoning":
            made["reasoning"] = text(said)
        elif kind in {"tool_call", "tool_use", "function_call"}:
            made.setdefault("tool_calls", []).append(_tool_call(part))
        elif kind in {"tool_call_response", "tool_result"}:
            answer = next(
                (part[name] for name in ("response", "result", "output", "content") if name in part), ""
            )
            texts.append(text(answer))
        else:
            others.append({name: part[name] for name in _PART_NAMES if isinstance(part.get(name), str)})
    made["content"] = texts[0] if len(texts) == 1 else "\n".join(texts)
    if others:
        made["parts"] = others


def _tool_call(given: Any) -> dict[str, Any]:
    call = given.get("tool_call", given) if isinstance(given, dict) else {}
    function = call.get("function")
    inner = function if isinstance(function, dict) else call
    made: dict[str, Any] = {"name": text(inner.get("name") or inner.get("toolName"))}
    arguments = inner.get("arguments", inner.get("args", inner.get("input")))
    made["arguments"] = text(arguments)
    if isinstance(call.get("id"), str):
        made["id"] = call["id"][:200]
    return made


def _sequence(value: Any) -> Sequence[Any]:
    if isinstance(value, str):
        value = readers.json(value)
    return value if isinstance(value, list) else ()


def text(value: Any) -> str:
    """Text as it is; anything else as JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    try:
        return msgspec.json.encode(value).decode()
    except (TypeError, ValueError, RecursionError):
        return ""


def simplest(found: list[Message], role: str) -> Content:
    """A lone text of the expected role needs no message around it."""
    if len(found) == 1 and found[0]["role"] == role and len(found[0]) == 2:
        said: str = found[0]["content"]
        return said
    return found


def with_system(prompt: Content, instructions: Any) -> Content:
    """The prompt led by the system's instructions, where it does not hold them itself."""
    given = read(instructions, "system")
    if not given:
        return prompt
    listed = given if isinstance(given, list) else [{"role": "system", "content": given}]
    if isinstance(prompt, str):
        return [*listed, {"role": "user", "content": prompt}] if prompt else listed
    if any(one.get("role") == "system" for one in prompt):
        return prompt
    return [*listed, *prompt]


def documents(value: Any) -> list[Mapping[str, Any]] | None:
    """Retrieved documents of whatever spelling; None where it holds none of any shape."""
    if not isinstance(value, list):
        return None
    found = [one.get("document", one) if isinstance(one, dict) else {"content": one} for one in value]
    return [one for one in found if isinstance(one, dict)]
