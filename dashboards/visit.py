"""One look at one page: who looks, at which project, over which time. Pages read this and nothing of HTTP."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import urlencode

from dashboards import colours, span
from monitor.ingest import calls
from monitor.people import read as people

# parameters that every link carries on; the others belong to one page
SHARED = ("range", "from", "to", "refresh")
REFRESH = ("0", "5", "10", "30", "60", "300")
DEFAULT_REFRESH = "30"


@dataclass
class Visit:
    """Built by the door; ``parts`` fills while the page is rendered (see the ``part`` tag)."""

    place: people.Place
    places: list[people.Place]
    span: span.Span
    now: dt.datetime
    path: str
    params: Mapping[str, str]
    person: str
    origin: str
    # the parts that the browser has, as it says
    asked_parts: str = ""
    parts: dict[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def project_id(self) -> int:
        return self.place.id

    @property
    def refresh(self) -> int:
        """Seconds between refreshes; 0 = never. A fixed span does not move, so it is not refreshed."""
        wanted = self.params.get("refresh", DEFAULT_REFRESH)
        return int(wanted) if wanted in REFRESH and self.span.quick else 0

    def here(self, **changes: str) -> str:
        """The address of this page with other parameters; an empty value takes one away."""
        kept = {name: value for name, value in self.params.items() if name not in changes}
        return self._address(self.path, kept | {name: value for name, value in changes.items() if value})

    def when(self, query: Mapping[str, str]) -> str:
        """The same page over another time."""
        kept = {
            name: value
            for name, value in self.params.items()
            if name not in {"range", "from", "to", "before"}
        }
        return self._address(self.path, kept | dict(query))

    def to(self, page: str, **params: str) -> str:
        """Another page of this project over the same time."""
        shared = {name: self.params[name] for name in SHARED if name in self.params}
        wanted = {name: value for name, value in params.items() if value != ""}
        return self._address(f"/p/{self.place.slug}/{page}/", shared | wanted)

    @property
    def share(self) -> str:
        """The same view with its time nailed down, for somebody else."""
        fixed = span.Span(self.span.start, self.span.end, "").query()
        return self.when(fixed)

    @property
    def earlier(self) -> str:
        return self.when(self.span.shifted(-1))

    @property
    def later(self) -> str:
        return self.when(self.span.shifted(1))

    @property
    def wider(self) -> str:
        return self.when(self.span.wider())

    @property
    def quick(self) -> list[dict[str, str]]:
        """The quick ranges with their addresses."""
        return [{"name": name, "url": self.when({"range": name})} for name in span.QUICK]

    @property
    def refreshes(self) -> list[dict[str, str | int]]:
        """The refresh intervals with their addresses."""
        return [{"seconds": int(name), "url": self.here(refresh=name)} for name in REFRESH]

    @property
    def times(self) -> list[tuple[str, str]]:
        """The parameters about time and refresh, for forms about anything else."""
        return [pair for pair in self.params.items() if pair[0] in SHARED]

    @property
    def carried(self) -> list[tuple[str, str]]:
        """The parameters that a form about time must carry along."""
        return [pair for pair in self.params.items() if pair[0] not in {"range", "from", "to", "before"}]

    @cached_property
    def versions(self) -> list[calls.Version]:
        """Every model version the project ever saw, the oldest first."""
        return calls.known_versions(self.project_id)

    @cached_property
    def colours(self) -> dict[str, str]:
        """The colour of each version, by ``model version``: the same on every page."""
        return colours.assign(version.name for version in self.versions)

    def colour(self, model: str, version: str) -> str:
        return self.colours.get(f"{model} {version}".strip(), colours.NEUTRAL)

    def _address(self, path: str, params: Mapping[str, str]) -> str:
        return f"{path}?{urlencode(params)}" if params else path
