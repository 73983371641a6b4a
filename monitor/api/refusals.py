"""A refusal in the words of its protocol: some senders read nothing but their own."""

import functools
from collections.abc import Callable

import msgspec
from django.http import HttpRequest, HttpResponse

from monitor.ingest.protocols import PROTOCOLS
from monitor.ingest.protocols.base import SpellsRefusals


def in_own_words(name: str, view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """The protocol's view, whatever it refuses said as the protocol's senders expect."""
    protocol = PROTOCOLS[name]()
    if not isinstance(protocol, SpellsRefusals):
        return view
    speaker: SpellsRefusals = protocol

    @functools.wraps(view)
    def spelled(request: HttpRequest, /, *args: object, **kwargs: object) -> HttpResponse:
        response = view(request, *args, **kwargs)
        if response.status_code < 400 or response.headers["Content-Type"] != "application/json":
            return response
        content = msgspec.json.decode(response.content)
        if not isinstance(content, dict) or "errorType" not in content:
            return response
        headers = {key.lower(): value for key, value in request.headers.items()}
        said = speaker.refusal(response.status_code, str(content["error"]), headers)
        response.content, response.headers["Content-Type"] = said.body, said.content_type
        return response

    spelled.csrf_exempt = True  # type: ignore[attr-defined] # Django looks for it
    return spelled
