"""A setting that a plug-in declares. Forms, validation, docs and the masking of secrets all read these."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["text", "url", "number", "integer", "flag", "choice", "list", "long_text"]
MASK = "••••••"


class BadFieldError(ValueError):
    """A value that breaks a field's declaration; names the field and what it wants."""


def gettext_noop(text: str) -> str:
    """Marks a label or a help text for translation, where Django may not be known; forms translate it."""
    return text


@dataclass(frozen=True, slots=True)
class Field:
    """One declared setting: ``name`` is its key in the JSON column, ``label`` and ``help`` face people."""

    name: str
    label: str
    kind: Kind = "text"
    help: str = ""
    required: bool = False
    secret: bool = False
    default: Any = None
    choices: tuple[str, ...] = ()

    def clean(self, value: Any) -> Any:
        """The value in this field's type; raises BadFieldError."""
        if value in (None, ""):
            if self.required:
                message = f"{self.name}: missing; {self.help or self.label}"
                raise BadFieldError(message)
            return self.default
        try:
            return self._convert(value)
        except (TypeError, ValueError, OverflowError) as error:
            message = f"{self.name}: {self._unquoted(str(error), value)}"
            raise BadFieldError(message) from (None if self.secret else error)

    def _unquoted(self, complaint: str, value: Any) -> str:
        """A complaint must not say a secret back."""
        return complaint.replace(repr(value), MASK).replace(str(value), MASK) if self.secret else complaint

    def _convert(self, value: Any) -> Any:
        match self.kind:
            case "number":
                return float(value)
            case "integer":
                return int(value)
            case "flag":
                return _flag(value)
            case "list":
                return [part.strip() for part in value.split(",")] if isinstance(value, str) else list(value)
            case "url":
                return _url(str(value))
            case "choice":
                return _choice(str(value), self.choices)
            case _:
                return str(value)


def clean(fields: Iterable[Field], values: Mapping[str, Any]) -> dict[str, Any]:
    """All declared fields, converted, with defaults; an undeclared key is refused."""
    declared = {field.name: field for field in fields}
    unknown = sorted(set(values) - set(declared))
    if unknown:
        message = f"{unknown[0]}: unknown; known are {', '.join(declared)}"
        raise BadFieldError(message)
    return {name: field.clean(values.get(name)) for name, field in declared.items()}


def masked(fields: Iterable[Field], values: Mapping[str, Any]) -> dict[str, Any]:
    """The same values with every secret hidden; for pages, exports and logs."""
    secret = {field.name for field in fields if field.secret}
    return {name: MASK if name in secret and value else value for name, value in values.items()}


def _flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if str(value).lower() in {"1", "true", "on", "yes", "0", "false", "off", "no"}:
        return str(value).lower() in {"1", "true", "on", "yes"}
    message = f"{value!r} is not a yes or no"
    raise ValueError(message)


def _url(value: str) -> str:
    if not value.startswith(("http://", "https://")):
        message = f"{value!r} is not an http:// or https:// address"
        raise ValueError(message)
    return value


def _choice(value: str, choices: tuple[str, ...]) -> str:
    if value not in choices:
        message = f"{value!r} is not one of {', '.join(choices)}"
        raise ValueError(message)
    return value
