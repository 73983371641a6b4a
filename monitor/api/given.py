"""What a request asks with, read once: of its posted form and of its address.

Django reads both for a price that a small question notices; here it reads only what is not quite ordinary.
"""

from collections.abc import Mapping, Sequence
from urllib.parse import unquote

from django.conf import settings
from django.core.exceptions import TooManyFieldsSent
from django.http import HttpRequest

Fields = Mapping[str, Sequence[str]]

_FORM = "application/x-www-form-urlencoded"
_NONE: Fields = {}


def given(request: HttpRequest) -> tuple[Fields, Fields]:
    """The fields of the form and those of the address; raises what Django does for forms that are too large."""
    known: tuple[Fields, Fields] | None = getattr(request, "given", None)
    if known is None:
        known = _form(request), _address(request)
        request.given = known  # type: ignore[attr-defined] # kept with the request
    return known


def _form(request: HttpRequest) -> Fields:
    if request.method != "POST":
        return _NONE
    if request.META.get("CONTENT_TYPE") == _FORM and request.body.isascii():
        return _fields(request.body.decode())
    return dict(request.POST.lists())


def _address(request: HttpRequest) -> Fields:
    text = request.META.get("QUERY_STRING")
    if text is None or not text.isascii():
        return dict(request.GET.lists())
    return _fields(text) if text else _NONE


def _fields(text: str) -> Fields:
    most = settings.DATA_UPLOAD_MAX_NUMBER_FIELDS
    if most is not None and text.count("&") >= most:
        message = f"more than {most} fields (DATA_UPLOAD_MAX_NUMBER_FIELDS)"
        raise TooManyFieldsSent(message)
    found: dict[str, list[str]] = {}
    for part in text.split("&"):
        if part:
            name, _, value = part.partition("=")
            found.setdefault(_plain(name), []).append(_plain(value))
    return found


def _plain(text: str) -> str:
    if "+" in text:
        text = text.replace("+", " ")
    return unquote(text) if "%" in text else text
