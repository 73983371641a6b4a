"""Nginx: a split_clients block in a file that Nginx on the worker's machine includes, then a reload."""

import re
from collections.abc import Mapping
from typing import Any

from monitor.canary.actions import base
from monitor.core.fields import Field
from monitor.outside import nginx

_PLAIN = re.compile(r"^[A-Za-z0-9_.:\-\[\]/]{1,200}$")
_KEY = re.compile(r"^[A-Za-z0-9_${}.:\-]{1,200}$")
_VARIABLE = re.compile(r"^\$[a-z_][a-z0-9_]{0,60}$")


class Nginx:
    """The file says which upstream a request goes to; the same key stays with its version."""

    fields = (
        Field("file", "File", required=True, help="Its name in VIGIL_NGINX_FOLDER, for example canary.conf"),
        Field(
            "variable", "Variable", default="$vigil_upstream", help="For proxy_pass http://$vigil_upstream"
        ),
        Field(
            "key",
            "Key",
            default="$remote_addr$http_user_agent",
            help="What tells users apart, such as $cookie_user",
        ),
        Field("stable_upstream", "Stable upstream", required=True, help="As in upstream NAME { … }"),
        Field("canary_upstream", "Canary upstream", required=True),
    )

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = settings
        nginx.place_of(settings["file"])
        for name, pattern in (
            ("variable", _VARIABLE), ("key", _KEY), ("stable_upstream", _PLAIN), ("canary_upstream", _PLAIN)
        ):  # fmt: skip
            if not pattern.match(settings[name] or ""):
                message = f"{name}: {settings[name]!r} can't stand in a configuration of Nginx"
                raise ValueError(message)

    def act(self, order: base.Order, calls: base.Calls) -> str:  # noqa: ARG002 — this action calls nobody
        try:
            nginx.replace(self.settings["file"], self.content(order))
        except nginx.NginxError as error:
            raise base.LaterError(str(error)) from error
        return f"{self.settings['file']}: {order.share:.2%} to {self.settings['canary_upstream']}"

    def content(self, order: base.Order) -> str:
        lines = [f"# written by Vigil for release {int(order.release)}"]
        lines.append(f'split_clients "{self.settings["key"]}" {self.settings["variable"]} {{')
        if 0.0 < order.share < 1.0:
            lines.append(f"    {order.share * 100:.2f}% {self.settings['canary_upstream']};")
        rest = "canary_upstream" if order.share >= 1.0 else "stable_upstream"
        return "\n".join([*lines, f"    * {self.settings[rest]};", "}", ""])
