"""Pure: Alertmanager's ``*_configs`` to our receivers' settings and back; what does not fit is named."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from monitor.alerting.nodes import Node

HIDDEN = "<secret>"
# amtool reads what it is shown, and an address must look like one
HIDDEN_URL = "http://secret.invalid/"
PLACEHOLDERS = (HIDDEN, HIDDEN_URL)
TEXTS = "Vigil writes its own texts"
LOST = "not taken over"
FILE = "Vigil reads no secret from a file; enter it in the contact"
CONNECTION = frozenset(
    {"authorization", "basic_auth", "bearer_token", "bearer_token_file", "follow_redirects"}
)


@dataclass(frozen=True, slots=True)
class Kind:
    """``keys``: theirs to ours. ``shared``: ours to the key of their ``global`` that is the default."""

    key: str
    receiver: str
    resolved: bool
    keys: Mapping[str, str]
    shared: Mapping[str, str] = field(default_factory=dict)


KINDS = (
    Kind("webhook_configs", "webhook", True, {"url": "url", "max_alerts": "max_alerts"}),
    Kind("slack_configs", "slack", False, {"api_url": "url", "channel": "channel"}, {"url": "slack_api_url"}),
    Kind(
        "email_configs", "email", False,
        {"to": "to", "from": "sender", "smarthost": "server", "auth_username": "username", "auth_password": "password"},
        {
            "sender": "smtp_from", "server": "smtp_smarthost", "username": "smtp_auth_username",
            "password": "smtp_auth_password",
        },
    ),
    Kind(
        "pagerduty_configs", "pagerduty", True, {"routing_key": "routing_key", "url": "url"}, {"url": "pagerduty_url"}
    ),
    Kind(
        "wechat_configs", "wecom_app", False,
        {
            "corp_id": "corp_id", "api_secret": "secret", "agent_id": "agent_id", "to_user": "to_users",
            "to_party": "to_parties", "to_tag": "to_tags", "api_url": "url",
        },
        {"corp_id": "wechat_api_corp_id", "secret": "wechat_api_secret", "url": "wechat_api_url"},
    ),
    Kind(
        "telegram_configs", "telegram", True,
        {"bot_token": "token", "chat_id": "chat", "message_thread_id": "thread", "api_url": "url"}, {"url": "telegram_api_url"},
    ),
    Kind("msteamsv2_configs", "teams", True, {"webhook_url": "url"}),
    Kind("msteams_configs", "teams", True, {"webhook_url": "url"}),
)  # fmt: skip
BY_KEY = {kind.key: kind for kind in KINDS}
# what is read of the file's ``global``
SHARED = frozenset({"resolve_timeout", "smtp_require_tls"}).union(
    *({key, f"{key}_file"} for kind in KINDS for key in kind.shared.values())
)
# the newer of two names for the same service is written
BY_RECEIVER = {kind.receiver: kind for kind in reversed(KINDS)}
UNKNOWN = "Vigil has no such receiver; reach it by a webhook or by Apprise"
HARMLESS = frozenset({"send_resolved"})
TEXT_KEYS = frozenset(
    {
        "title", "text", "html", "headers", "message", "summary", "description", "details", "subject", "fields", "actions",
        "pretext", "footer", "fallback", "color", "username", "icon_emoji", "icon_url", "title_link", "parse_mode", "client",
        "client_url", "severity", "class", "component", "group", "images", "links", "short_fields", "callback_id", "mrkdwn_in",
        "message_type", "link_names", "thumb_url", "image_url", "source",
    }
)  # fmt: skip


def read(kind: Kind, entry: Node, shared: Node) -> tuple[dict[str, Any], list[str]]:
    """The settings of one entry, and what was lost. A secret that stands in a file of its own is hidden to us."""
    settings: dict[str, Any] = {
        ours: entry[theirs].text() for theirs, ours in kind.keys.items() if entry[theirs].text()
    }
    files = [key for key in entry.named() if key.removesuffix("_file") in kind.keys and key.endswith("_file")]
    settings |= {kind.keys[key.removesuffix("_file")]: HIDDEN for key in files}
    for ours, key in kind.shared.items():
        if ours not in settings and shared[key].text():
            settings[ours] = shared[key].text()
        elif ours not in settings and shared[f"{key}_file"].text():
            settings[ours] = HIDDEN
            files.append(f"{key}_file")
    losses = [f"{entry.place}.{key}: {FILE}" for key in files]
    losses += _losses(kind, entry, files)
    if kind.receiver == "webhook":
        found, lost = _credentials(entry["http_config"])
        settings |= found
        losses += lost
    if kind.receiver == "email":
        settings |= _letters(settings, entry, shared)
    if kind.receiver == "wecom_app":
        for name in ("to_users", "to_parties", "to_tags"):
            settings |= {name: str(settings[name]).split("|")} if settings.get(name) else {}
    return settings, losses


def _letters(settings: Mapping[str, Any], entry: Node, shared: Node) -> dict[str, Any]:
    """Alertmanager speaks TLS at once where the port is 465, whatever else it is told."""
    tls = entry["require_tls"].flag(default=shared["smtp_require_tls"].flag(default=True))
    server = str(settings.get("server", ""))
    encryption = "tls" if server.endswith(":465") else "starttls" if tls else "none"
    to = [part.strip() for part in str(settings.get("to", "")).split(",") if part.strip()]
    return {"to": to} | ({"encryption": encryption} if server else {})


def write(
    receiver: str, settings: Mapping[str, Any], *, send_resolved: bool, hidden: Sequence[str]
) -> tuple[str, dict[str, Any]] | None:
    """The key and the entry for a contact, or None if Alertmanager would not take it."""
    kind = BY_RECEIVER.get(receiver)
    if kind is None or _refused(settings, kind):
        return None
    given = {name: _hidden(name) if name in hidden and value else value for name, value in settings.items()}
    entry = {
        theirs: _flat(kind, given[ours])
        for theirs, ours in kind.keys.items()
        if given.get(ours) not in (None, "", [], ())
    }
    if kind.receiver == "webhook":
        entry |= _http_config(given)
        if not given.get("max_alerts"):
            entry.pop("max_alerts", None)
    if kind.receiver == "telegram":
        entry["chat_id"] = int(str(given["chat"]))
        # an Alertmanager that does not know it yet would refuse the whole file
        entry.pop("message_thread_id", None)
    if kind.receiver == "email" and given.get("server"):
        entry["require_tls"] = given.get("encryption") == "starttls"
    return kind.key, {"send_resolved": send_resolved, **entry}


def _refused(settings: Mapping[str, Any], kind: Kind) -> bool:
    """It knows chats by number only, and no mail server of ours."""
    if kind.receiver == "telegram":
        return re.fullmatch(r"-?[0-9]{1,18}", str(settings.get("chat", ""))) is None
    if kind.receiver == "email":
        return not settings.get("sender") or ":" not in str(settings.get("server") or "")
    return False


def _losses(kind: Kind, entry: Node, files: Sequence[str]) -> Iterator[str]:
    handled = {"http_config"} if kind.receiver == "webhook" else set()
    handled |= {"require_tls"} if kind.receiver == "email" else set()
    for key in entry.named():
        if key not in kind.keys and key not in HARMLESS | handled and key not in files:
            yield f"{entry.place}.{key}: {TEXTS if key in TEXT_KEYS else LOST}"


def _credentials(config: Node) -> tuple[dict[str, Any], list[str]]:
    """How a webhook signs in, and what else was asked of its connection."""
    authorization, basic = config["authorization"], config["basic_auth"]
    if sum(one.there for one in (authorization, basic, config["oauth2"], config["bearer_token"])) > 1:
        config.refuse("at most one of authorization, basic_auth, oauth2 and bearer_token")
    wanted = {
        "bearer_token": authorization["credentials"] if authorization.there else config["bearer_token"],
        "scheme": authorization["type"],
        "username": basic["username"],
        "password": basic["password"],
    }
    found: dict[str, Any] = {name: one.text() for name, one in wanted.items() if one.text()}
    losses = []
    for name, one in wanted.items():
        within = authorization if authorization.there else basic if basic.there else config
        key = f"{one.place.rpartition('.')[2]}_file"
        if within[key].text():
            found[name] = HIDDEN
            losses.append(f"{within[key].place}: {FILE}")
    known = {authorization.place: {"type", "credentials"}, basic.place: {"username", "password"}}
    for part in (authorization, basic):
        left = [key for key in part.named() if key not in known[part.place] and not key.endswith("_file")]
        losses += [f"{part.place}.{key}: {LOST}" for key in left]
    if config["follow_redirects"].flag():
        losses.append(f"{config['follow_redirects'].place}: Vigil follows no redirects")
    left = [key for key in config.named() if key not in CONNECTION]
    return found, losses + [f"{config.place}.{key}: {LOST}" for key in left]


def _http_config(settings: Mapping[str, Any]) -> dict[str, Any]:
    if settings.get("bearer_token"):
        scheme = settings.get("scheme") or "Bearer"
        kind = {} if scheme == "Bearer" else {"type": scheme}
        return {"http_config": {"authorization": {**kind, "credentials": settings["bearer_token"]}}}
    if settings.get("username"):
        basic = {"username": settings["username"], "password": settings.get("password", "")}
        return {"http_config": {"basic_auth": basic}}
    return {}


def _hidden(name: str) -> str:
    return HIDDEN_URL if name == "url" else HIDDEN


def _flat(kind: Kind, value: Any) -> Any:
    return (
        ("|" if kind.receiver == "wecom_app" else ", ").join(value)
        if isinstance(value, list | tuple)
        else value
    )
