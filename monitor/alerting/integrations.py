"""Pure: Alertmanager's ``*_configs`` to our receivers' settings and back; what does not fit is named."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

HIDDEN = "<secret>"
# amtool reads what it is shown, and an address must look like one
HIDDEN_URL = "http://secret.invalid/"
TEXTS = "Vigil writes its own texts"
Entry = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """``keys``: theirs to ours. ``shared``: ours to the key of their ``global`` that is the default."""

    key: str
    receiver: str
    resolved: bool
    keys: Mapping[str, str]
    shared: Mapping[str, str] = field(default_factory=dict)
    address: str = ""


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
    Kind("telegram_configs", "telegram", True, {"bot_token": "token", "chat_id": "chat", "api_url": "url"}, {"url": "telegram_api_url"}),
    Kind("msteamsv2_configs", "teams", True, {"webhook_url": "url"}),
    Kind("msteams_configs", "teams", True, {"webhook_url": "url"}),
)  # fmt: skip
BY_KEY = {kind.key: kind for kind in KINDS}
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


def read(kind: Kind, entry: Entry, shared: Entry, place: str) -> tuple[dict[str, Any], list[str]]:
    """The settings of one entry, and what was lost."""
    settings = {
        ours: _plain(entry[theirs])
        for theirs, ours in kind.keys.items()
        if entry.get(theirs) not in (None, "")
    }
    for ours, key in kind.shared.items():
        if ours not in settings and shared.get(key) not in (None, ""):
            settings[ours] = _plain(shared[key])
    losses = list(_losses(kind, entry, place))
    if kind.receiver == "webhook":
        settings |= _credentials(entry.get("http_config") or {})
    if kind.receiver == "email":
        tls = entry.get("require_tls", shared.get("smtp_require_tls", True))
        settings |= {"encryption": "starttls" if tls else "none"} if settings.get("server") else {}
        settings["to"] = [part.strip() for part in str(settings.get("to", "")).split(",") if part.strip()]
    if kind.receiver == "wecom_app":
        for name in ("to_users", "to_parties", "to_tags"):
            settings |= {name: str(settings[name]).split("|")} if settings.get(name) else {}
    return settings, losses


def write(
    receiver: str, settings: Mapping[str, Any], *, send_resolved: bool, hidden: Sequence[str]
) -> tuple[str, dict[str, Any]] | None:
    """The key and the entry for a contact, or None if Alertmanager has no such receiver."""
    kind = BY_RECEIVER.get(receiver)
    if kind is None:
        return None
    given = {name: _hidden(name) if name in hidden and value else value for name, value in settings.items()}
    entry = {
        theirs: _flat(kind, given[ours])
        for theirs, ours in kind.keys.items()
        if given.get(ours) not in (None, "", [], ())
    }
    if kind.receiver == "webhook":
        entry |= _http_config(given)
        entry.pop("max_alerts", None) if not given.get("max_alerts") else None
    if kind.receiver == "email" and given.get("server"):
        entry["require_tls"] = given.get("encryption") == "starttls"
    return kind.key, {"send_resolved": send_resolved, **entry}


def _losses(kind: Kind, entry: Entry, place: str) -> Iterator[str]:
    handled = {"http_config"} if kind.receiver == "webhook" else set()
    handled |= {"require_tls"} if kind.receiver == "email" else set()
    for key in entry:
        if key in kind.keys or key in HARMLESS or key in handled:
            continue
        yield f"{place}.{key}: {TEXTS if key in TEXT_KEYS else 'not taken over'}"
    if kind.receiver == "webhook":
        known = {"authorization", "basic_auth", "bearer_token", "follow_redirects"}
        yield from (
            f"{place}.http_config.{key}: not taken over"
            for key in entry.get("http_config") or {}
            if key not in known
        )


def _credentials(config: Entry) -> dict[str, Any]:
    authorization, basic = config.get("authorization") or {}, config.get("basic_auth") or {}
    token = authorization.get("credentials") or config.get("bearer_token")
    found = {"bearer_token": token} if token else {}
    if basic.get("username"):
        found |= {"username": basic["username"], "password": basic.get("password", "")}
    return found


def _http_config(settings: Mapping[str, Any]) -> dict[str, Any]:
    if settings.get("bearer_token"):
        return {"http_config": {"authorization": {"credentials": settings["bearer_token"]}}}
    if settings.get("username"):
        basic = {"username": settings["username"], "password": settings.get("password", "")}
        return {"http_config": {"basic_auth": basic}}
    return {}


def _hidden(name: str) -> str:
    return HIDDEN_URL if name == "url" else HIDDEN


def _plain(value: Any) -> Any:
    return value if isinstance(value, bool | int | float) else str(value)


def _flat(kind: Kind, value: Any) -> Any:
    return (
        ("|" if kind.receiver == "wecom_app" else ", ").join(value)
        if isinstance(value, list | tuple)
        else value
    )
