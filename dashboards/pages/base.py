"""The contract of a page: a name, a question it answers, and methods that turn a visit into a context."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.http import HttpResponse
from django.utils.functional import Promise

from dashboards.visit import Visit

Context = dict[str, Any]
Form = Mapping[str, str]


class MissingError(LookupError):
    """What the address names does not exist; the page answers 404 and says what was looked for."""


class Page:
    """``routes`` are (pattern below the page, method, template); ``act`` answers forms.

    ``acts`` names every form by its ``do`` and the least role that may send it; the door holds people to it.
    """

    name: ClassVar[str]
    title: ClassVar[str | Promise]
    question: ClassVar[str | Promise] = ""
    key: ClassVar[str] = ""
    timed: ClassVar[bool] = True
    routes: ClassVar[tuple[tuple[str, str, str], ...]] = ()
    acts: ClassVar[Mapping[str, str]] = {}

    @property
    def paths(self) -> tuple[tuple[str, str, str], ...]:
        return self.routes or (("", "show", f"pages/{self.name}.html"),)

    def show(self, visit: Visit) -> Context:
        raise NotImplementedError

    def act(self, visit: Visit, form: Form, **_place: Any) -> HttpResponse | Context:
        """Answer a form; only pages that have one say how."""
        raise NotImplementedError
