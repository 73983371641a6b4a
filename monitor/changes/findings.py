"""Pure: what a search found, as it is kept with the alert and told to people."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Verdict = Literal["found", "nothing", "few"]
LANGUAGES = ("en", "zh", "both")
UNITS = {
    "llm_request_duration_seconds": "s", "llm_ttft_seconds": "s", "llm_tpot_seconds": "s",
    "llm_inference_seconds": "s", "llm_queue_seconds": "s", "llm_cost_usd_total": "$",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Slice:
    """One slice that stands out. ``parts``: dimension and value, all of which hold.

    ``before`` and ``now`` are of its own calls: the median of a size, a share of calls, a mean mark, calls
    per minute; None where it had no calls. ``share``: of the whole change; None where the whole did not move.
    """

    parts: tuple[tuple[str, str], ...]
    share: float | None
    z: float
    mixed: bool
    calls: int
    before: float | None
    now: float | None
    examples: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return ", ".join(f"{dimension}={value or '∅'}" for dimension, value in self.parts)


@dataclass(frozen=True, slots=True)
class Deployment:
    """A version whose first call came near the beginning of the change."""

    model: str
    version: str
    first_at: str


@dataclass(frozen=True, slots=True)
class Findings:
    """``kind`` and ``measure``: what was looked at. ``since``, ``until``: the bad window. ``tried``: slices."""

    verdict: Verdict
    kind: str = ""
    measure: str = ""
    since: str = ""
    until: str = ""
    calls: int = 0
    baseline: int = 0
    tried: int = 0
    slices: tuple[Slice, ...] = ()
    deployments: tuple[Deployment, ...] = ()
    left_out: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> "Findings":
        plain = {name: value for name, value in body.items() if name in cls.__dataclass_fields__}
        plain["slices"] = tuple(_slice(one) for one in body.get("slices", ()))
        plain["deployments"] = tuple(Deployment(**one) for one in body.get("deployments", ()))
        return cls(**plain)


@dataclass(frozen=True, slots=True)
class Story:
    """A search as it stands. ``state``: waiting, done or failed (then ``error`` says why)."""

    state: str
    starts_at: str
    error: str = ""
    took: float | None = None
    findings: Findings = field(default_factory=lambda: Findings("nothing"))


def top_line(findings: Findings, language: str) -> str:
    """The one line that a message carries."""
    if findings.verdict == "few":
        return ""
    if not findings.slices:
        return _say(
            language,
            f"{findings.calls} 次调用中没有突出的部分",
            f"nothing stands out among {findings.calls} calls",
        )
    top = findings.slices[0]
    figures = f"{_figure(top.before, findings)} → {_figure(top.now, findings)}"
    if top.share is None:
        return f"{top.name} ({figures})"
    percent = f"{top.share:.0%}"
    return _say(
        language, f"{top.name}：占变化的 {percent}（{figures}）", f"{top.name}: {percent} of the change ({figures})",
        both=f"{top.name}: {percent} ({figures})",
    )  # fmt: skip


def _figure(value: float | None, findings: Findings) -> str:
    if value is None:
        return "–"
    if findings.kind == "share":
        return f"{value:.1%}"
    if findings.kind == "calls":
        return f"{value:.3g}/min"
    return f"{value:.3g} {UNITS.get(findings.measure, '')}".strip()


def _say(language: str, chinese: str, english: str, *, both: str = "") -> str:
    return {"zh": chinese, "en": english}.get(language, both or f"{chinese} / {english}")


def _slice(one: dict[str, Any]) -> Slice:
    parts = tuple((dimension, value) for dimension, value in one["parts"])
    return Slice(**{**one, "parts": parts, "examples": tuple(one.get("examples", ()))})
