"""What one panel of a Grafana board takes from elsewhere: library panels in the same file, queries of another panel."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from dashboards.boards.grafana.report import Json, listed, mapping, text, whole


@dataclass(frozen=True, slots=True)
class Shared:
    """Library panels by uid, and panels by id."""

    library: Mapping[str, Json]
    panels: Mapping[int, Json]

    @classmethod
    def of(cls, source: Json, panels: Sequence[Json]) -> Self:
        elements = {
            uid: mapping(mapping(one).get("model")) for uid, one in mapping(source.get("__elements")).items()
        }
        return cls(elements, {whole(one.get("id"), 0): one for one in panels})

    def whole(self, panel: Json) -> Json:
        """The panel with what it takes from elsewhere put in."""
        library = mapping(panel.get("libraryPanel"))
        model = mapping(library.get("model")) or self.library.get(text(library.get("uid")), {})
        if library and model and not panel.get("targets"):
            panel = {**model, **{name: panel[name] for name in ("id", "gridPos") if name in panel}}
            panel.setdefault("title", text(library.get("name")))
        elif library and not panel.get("title"):
            panel = {**panel, "title": text(library.get("name"))}
        targets = [each for one in listed(panel.get("targets")) for each in self._asked(one)]
        return {**panel, "targets": targets} if "targets" in panel else panel

    def _asked(self, target: Json) -> list[Json]:
        """The queries of the panel that a target refers to; else the target itself."""
        other = self.panels.get(whole(target.get("panelId"), 0))
        if "panelId" not in target or other is None or "expr" in target:
            return [target]
        return [one for one in listed(other.get("targets")) if "panelId" not in one]
