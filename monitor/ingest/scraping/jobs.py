"""Prometheus' ``scrape_configs``, read as they are; what is not supported is refused by its key. Pure."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import yaml

from monitor.core import durations
from monitor.ingest.scraping import relabel, written
from monitor.ingest.scraping.relabel import Rule

LEAST_INTERVAL_MS, MOST_INTERVAL_MS = 5_000, 3_600_000
MASKED = "<secret>"
# keys that change nothing here: how pages come, and what is shown of targets that rules dropped
_HARMLESS = frozenset(
    {
        "enable_compression",
        "enable_http2",
        "scrape_protocols",
        "fallback_scrape_protocol",
        "keep_dropped_targets",
    }
)
# what a job takes over from ``global`` where it does not say it itself
_GLOBAL = (
    "scrape_interval", "scrape_timeout", "body_size_limit", "sample_limit", "target_limit", "label_limit",
    "label_name_length_limit", "label_value_length_limit", "scrape_native_histograms",
    "always_scrape_classic_histograms", "metric_name_validation_scheme",
)  # fmt: skip
# what else a file of Prometheus' says, and ``global`` in it, has nothing to do with scraping
_SECTIONS = frozenset(
    {"global", "scrape_configs", "runtime", "alerting", "rule_files", "storage", "tracing", "remote_write",
     "remote_read", "otlp"}
)  # fmt: skip
_GLOBAL_ASIDE = frozenset(
    {"evaluation_interval", "rule_query_offset", "query_log_file", "scrape_failure_log_file", "external_labels"}
)  # fmt: skip
# Prometheus counts by 1024 either way
_SIZE = re.compile(r"([0-9]{1,9})(?:([KMGT])i?)?B")
_POWERS = {None: 0, "K": 1, "M": 2, "G": 3, "T": 4}
_INSTEAD = {
    "tls_config": "certificates are checked against those that the system trusts",
    "oauth2": "use authorization or basic_auth",
    "proxy_url": "targets are called directly",
    "bearer_token_file": "write the token itself under authorization.credentials",
    "credentials_file": "write the token itself under credentials",
    "password_file": "write the password itself under password",
}
_FOLLOWS = "lists of targets are asked for where they lie; name the final address"


class BadJobError(ValueError):
    """A configuration that can't be taken; ``key`` is the path to what to mend, as in the file."""

    def __init__(self, key: str, why: str) -> None:
        super().__init__(f"{key}: {why}" if key else why)
        self.key = key
        self.why = why


@dataclass(frozen=True, slots=True)
class Auth:
    """The value of the ``Authorization`` header is made of this; all empty: none is sent."""

    kind: str = ""
    credentials: str = ""
    username: str = ""
    password: str = ""


@dataclass(frozen=True, slots=True)
class StaticGroup:
    """Addresses with labels of their own."""

    targets: tuple[str, ...]
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class FileSource:
    """``file_sd_configs``: patterns of files that list targets."""

    files: tuple[str, ...]
    refresh_ms: int = 300_000


@dataclass(frozen=True, slots=True)
class HttpSource:
    """``http_sd_configs``: an address that answers with a list of targets."""

    url: str
    auth: Auth
    refresh_ms: int = 60_000


@dataclass(frozen=True, slots=True)
class Job:
    """One ``scrape_config``."""

    name: str
    interval_ms: int
    timeout_ms: int
    path: str
    scheme: str
    params: Mapping[str, tuple[str, ...]]
    honor_labels: bool
    honor_timestamps: bool
    follows: bool
    auth: Auth
    static: tuple[StaticGroup, ...]
    files: tuple[FileSource, ...]
    http: tuple[HttpSource, ...]
    target_rules: Sequence[Rule]
    metric_rules: Sequence[Rule]
    sample_limit: int
    label_limit: int
    label_name_limit: int
    label_value_limit: int
    body_limit: int
    target_limit: int
    marks_timed: bool
    native_histograms: bool
    classic_histograms: bool


def load(text: str) -> list[dict[str, Any]]:
    """The scrape_configs of a Prometheus file with its global defaults filled in; raises BadJobError.

    A bare list of them, or a single one, is taken as well. Every entry has been read once.
    """
    try:
        content = written.load(text)
    except yaml.YAMLError as error:
        raise BadJobError("", f"no YAML: {' '.join(str(error).split())}") from error
    if isinstance(content, dict) and "job_name" in content:
        content = [content]
    if isinstance(content, list):
        content = {"scrape_configs": content}
    if not isinstance(content, dict) or not content.get("scrape_configs"):
        raise BadJobError(
            "scrape_configs", "missing; give a Prometheus configuration file that scrapes something"
        )
    entries = content["scrape_configs"]
    if not isinstance(entries, list):
        raise BadJobError("scrape_configs", "is not a list")
    defaults = content.get("global") or {}
    if not isinstance(defaults, dict):
        raise BadJobError("global", "is not a mapping")
    _refuse_unknown("", content, _SECTIONS)
    _refuse_unknown("global.", defaults, _HARMLESS.union(_GLOBAL, _GLOBAL_ASIDE))
    kept = {key: defaults[key] for key in _GLOBAL if key in defaults}
    filled = [{**kept, **entry} if isinstance(entry, dict) else entry for entry in entries]
    names: set[str] = set()
    for place, entry in enumerate(filled):
        where = f"scrape_configs[{place}]"
        _shrink_timeout(entry, entries[place])
        job = read(entry, where)
        if job.name in names:
            raise BadJobError(f"{where}.job_name", f"{job.name!r} stands there twice")
        names.add(job.name)
    return filled


def _refuse_unknown(where: str, given: Mapping[Any, Any], known: Collection[str]) -> None:
    unknown = sorted(str(key) for key in given if key not in known)
    if unknown:
        raise BadJobError(f"{where}{unknown[0]}", "not known or not supported")


def _shrink_timeout(entry: Any, own: Any) -> None:
    """A global time-out longer than a job's own interval is cut to it, as Prometheus does."""
    if isinstance(entry, dict) and "scrape_timeout" in entry and "scrape_timeout" not in own:
        taken = {key: str(entry.get(key, "1m")) for key in ("scrape_interval", "scrape_timeout")}
        try:
            if durations.parse(taken["scrape_timeout"]) > durations.parse(taken["scrape_interval"]):
                entry["scrape_timeout"] = taken["scrape_interval"]
        except durations.BadDurationError:
            # read() names the key
            return


def read(entry: Any, where: str = "") -> Job:
    """One entry; raises BadJobError with the path of the key below ``where``."""
    table = _Table(entry, where)
    name = table.text("job_name")
    if not name:
        raise BadJobError(table.at("job_name"), "missing; every job needs a name")
    interval = table.duration("scrape_interval", 60_000)
    if not LEAST_INTERVAL_MS <= interval <= MOST_INTERVAL_MS:
        raise BadJobError(table.at("scrape_interval"), f"{durations.text(interval)} is not between 5s and 1h")
    timeout = table.duration("scrape_timeout", min(10_000, interval))
    if not 0 < timeout <= interval:
        raise BadJobError(
            table.at("scrape_timeout"), "must be longer than 0 and not longer than the interval"
        )
    scheme = table.text("scheme", "http")
    if scheme not in {"http", "https"}:
        raise BadJobError(table.at("scheme"), f"{scheme!r} is not http or https")
    job = Job(
        name=name,
        interval_ms=interval,
        timeout_ms=timeout,
        path=table.text("metrics_path", "/metrics"),
        scheme=scheme,
        params=_params(table),
        honor_labels=table.flag("honor_labels", default=False),
        honor_timestamps=table.flag("honor_timestamps", default=True),
        follows=table.flag("follow_redirects", default=True),
        auth=_auth(table),
        static=tuple(group(one) for one in table.tables("static_configs")),
        files=tuple(_files(one) for one in table.tables("file_sd_configs")),
        http=tuple(_http(one) for one in table.tables("http_sd_configs")),
        target_rules=_rules(table, "relabel_configs"),
        metric_rules=_rules(table, "metric_relabel_configs"),
        sample_limit=table.number("sample_limit"),
        label_limit=table.number("label_limit"),
        label_name_limit=table.number("label_name_length_limit"),
        label_value_limit=table.number("label_value_length_limit"),
        body_limit=table.size("body_size_limit"),
        marks_timed=table.flag("track_timestamps_staleness", default=False),
        target_limit=table.number("target_limit"),
        native_histograms=table.flag("scrape_native_histograms", default=False),
        classic_histograms=_classic(table),
    )
    table.refuse_true("convert_classic_histograms_to_nhcb", "classic histograms stay what they are")
    if table.text("metric_name_validation_scheme", "utf8") != "utf8":
        raise BadJobError(
            table.at("metric_name_validation_scheme"), "not supported; names are any UTF-8 text"
        )
    table.done(_HARMLESS)
    if not job.target_rules:
        _no_address(job.static, table.at("static_configs"))
    return job


def _classic(table: "_Table") -> bool:
    """Two names for one wish: the first is that of Prometheus 2."""
    older = table.flag("scrape_classic_histograms", default=False)
    return table.flag("always_scrape_classic_histograms", default=False) or older


def _params(table: "_Table") -> Mapping[str, tuple[str, ...]]:
    given = table.take("params", {})
    if not isinstance(given, dict) or not all(isinstance(values, list) for values in given.values()):
        raise BadJobError(
            table.at("params"), "is not a mapping of names to lists, such as {module: [http_2xx]}"
        )
    return {str(name): tuple(str(value) for value in values) for name, values in given.items()}


def _auth(table: "_Table") -> Auth:
    found: list[Auth] = []
    basic = table.table("basic_auth")
    if basic is not None:
        found.append(Auth("Basic", username=basic.text("username"), password=basic.text("password")))
        basic.done()
    own = table.table("authorization")
    if own is not None:
        found.append(Auth(own.text("type", "Bearer"), own.text("credentials")))
        own.done()
    token = table.text("bearer_token")
    if token:
        found.append(Auth("Bearer", token))
    if len(found) > 1:
        raise BadJobError(
            table.at("authorization"), "at most one of authorization, basic_auth and bearer_token is allowed"
        )
    return found[0] if found else Auth()


def group(table: "_Table") -> StaticGroup:
    """``{targets: […], labels: {…}}``, as it stands in static lists and in what discovery finds."""
    targets, labels = table.take("targets", []), table.take("labels", {}) or {}
    if not isinstance(targets, list) or not all(isinstance(one, str) and one for one in targets):
        raise BadJobError(table.at("targets"), "is not a list of addresses such as host:9100")
    if not isinstance(labels, dict) or not all(
        isinstance(value, str | int | float) for value in labels.values()
    ):
        raise BadJobError(table.at("labels"), "is not a mapping of names to texts")
    table.done()
    return StaticGroup(tuple(targets), {str(name): _plain(value) for name, value in labels.items()})


def _plain(value: str | float) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _no_address(static: Sequence[StaticGroup], where: str) -> None:
    """Without rules that make an address of it, as for the blackbox exporter, a target is one itself."""
    for number, one in enumerate(static):
        for place, target in enumerate(one.targets):
            if "/" in target:
                raise BadJobError(
                    f"{where}[{number}].targets[{place}]",
                    f"{target!r} is not host:port; the path is metrics_path",
                )


def groups(content: Any) -> list[StaticGroup]:
    """What a file or an address of targets holds; raises BadJobError."""
    if not isinstance(content, list):
        raise BadJobError("", 'is not a list of {"targets": […], "labels": {…}}')
    return [group(_Table(one, f"[{place}]")) for place, one in enumerate(content)]


def _files(table: "_Table") -> FileSource:
    files = table.take("files", [])
    if not isinstance(files, list) or not files:
        raise BadJobError(table.at("files"), "is not a list of files")
    for place, name in enumerate(files):
        if not str(name).endswith((".json", ".yml", ".yaml")):
            raise BadJobError(
                table.at(f"files[{place}]"), f"{name!r} ends neither in .json nor in .yml or .yaml"
            )
    refresh = table.duration("refresh_interval", 300_000)
    table.done()
    return FileSource(tuple(map(str, files)), refresh)


def _http(table: "_Table") -> HttpSource:
    url = table.text("url")
    try:
        usable = urlsplit(url).scheme in {"http", "https"} and bool(urlsplit(url).hostname)
    except ValueError:
        usable = False
    if not usable:
        raise BadJobError(table.at("url"), "is not an http:// or https:// address")
    refresh = table.duration("refresh_interval", 60_000)
    table.refuse_true("follow_redirects", _FOLLOWS)
    auth = _auth(table)
    table.done()
    return HttpSource(url, auth, refresh)


def _rules(table: "_Table", key: str) -> Sequence[Rule]:
    try:
        return relabel.rules(table.take(key, []), key)
    except relabel.BadRuleError as error:
        raise BadJobError(table.at(error.key), error.why) from error


class _Table:
    """A mapping of a file; what is left over when all known keys were taken is refused."""

    def __init__(self, content: Any, where: str) -> None:
        if not isinstance(content, dict):
            raise BadJobError(where, "is not a mapping")
        self._left: dict[str, Any] = {str(key): value for key, value in content.items()}
        self.where = where

    def at(self, key: str) -> str:
        return f"{self.where}.{key}" if self.where else key

    def take(self, key: str, default: Any) -> Any:
        value = self._left.pop(key, None)
        return default if value is None else value

    def text(self, key: str, default: str = "") -> str:
        value = self.take(key, default)
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise BadJobError(self.at(key), "is not a text")
        return str(value)

    def flag(self, key: str, *, default: bool) -> bool:
        value = self.take(key, default)
        if isinstance(value, str):
            value = written.FLAGS.get(value.lower(), value)
        if not isinstance(value, bool):
            raise BadJobError(self.at(key), f"{value!r} is not true or false")
        return value

    def number(self, key: str) -> int:
        value = self.take(key, 0)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise BadJobError(self.at(key), f"{value!r} is not a whole number of at least 0")
        return value

    def size(self, key: str) -> int:
        """Bytes of ``10MB``; 0 where there is no limit."""
        given = str(self.take(key, 0))
        match = _SIZE.fullmatch(given)
        if match is None and given != "0":
            raise BadJobError(self.at(key), f"{given!r} is no size such as 10MB")
        return 0 if match is None else int(match[1]) * 1024 ** _POWERS[match[2]]

    def duration(self, key: str, default: int) -> int:
        value = self.take(key, None)
        if value is None:
            return default
        try:
            return durations.parse(str(value))
        except durations.BadDurationError as error:
            raise BadJobError(self.at(key), str(error)) from error

    def table(self, key: str) -> "_Table | None":
        value = self.take(key, None)
        return None if value is None else _Table(value, self.at(key))

    def tables(self, key: str) -> list["_Table"]:
        value = self.take(key, [])
        if not isinstance(value, list):
            raise BadJobError(self.at(key), "is not a list")
        return [_Table(one, f"{self.at(key)}[{place}]") for place, one in enumerate(value)]

    def refuse_true(self, key: str, why: str) -> None:
        if self.flag(key, default=False):
            raise BadJobError(self.at(key), f"not supported: {why}")

    def done(self, harmless: frozenset[str] = frozenset()) -> None:
        """Nothing unknown may be left: a key that is passed over in silence is a promise that is not kept."""
        left = [key for key in self._left if key not in harmless and self._left[key] not in (None, {}, [])]
        if not left:
            return
        key = left[0]
        if key.endswith("_sd_configs"):
            why = "not supported; there are static_configs, file_sd_configs and http_sd_configs"
        else:
            why = f"not supported; {_INSTEAD[key]}" if key in _INSTEAD else "not known or not supported"
        raise BadJobError(self.at(key), why)


_SECRET_KEYS = frozenset({"password", "credentials", "bearer_token"})


def masked(config: Any) -> Any:
    """The same with every secret covered, to be shown."""
    if isinstance(config, dict):
        return {
            key: MASKED if key in _SECRET_KEYS and value else masked(value) for key, value in config.items()
        }
    return [masked(one) for one in config] if isinstance(config, list) else config


def unmasked(config: Any, stored: Any) -> Any:
    """What was edited, with the stored secrets where they are still covered."""
    if isinstance(config, dict):
        known = stored if isinstance(stored, dict) else {}
        return {
            key: known.get(key, "")
            if key in _SECRET_KEYS and value == MASKED
            else unmasked(value, known.get(key))
            for key, value in config.items()
        }
    if isinstance(config, list):
        known_list = stored if isinstance(stored, list) else []
        return [
            unmasked(one, known_list[place] if place < len(known_list) else None)
            for place, one in enumerate(config)
        ]
    return config
