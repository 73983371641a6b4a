"""Judges as ops people edit them; what went wrong stands below."""

from typing import Any

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from monitor.editing.pages import Inline, labelled
from monitor.editing.plugins import PluginAdmin, PluginForm
from monitor.quality import reasons
from monitor.quality.judges import JUDGES
from monitor.quality.models import Judge, JudgeFailure
from monitor.quality.read import word

STATES = {"ok": "success", "failing": "danger", "spent": "warning", "new": "info", "off": "info"}
WORDS = {
    "ok": _("working"), "failing": _("failing"), "spent": _("day’s budget spent"), "new": _("has not run yet"),
    "off": _("off"),
}  # fmt: skip
LABELS = {
    "project": _("Project"), "kind": _("Kind"), "name": _("Name"), "enabled": _("Enabled"), "model": _("Model"),
    "version": _("Version"), "sample_share": _("Share judged"), "extra": _("Besides the share"),
    "hourly_budget": _("Calls per hour"), "per_minute": _("Requests per minute"),
    "daily_tokens": _("Tokens per day"), "daily_usd": _("Dollars per day"), "usd_in": _("Price in"),
    "usd_out": _("Price out"), "good_from": _("Good from"), "second_share": _("Labelled twice"),
    "guidelines": _("Guidelines"),
}  # fmt: skip
COMMON = (
    "name", "enabled", "model", "version", "sample_share", "extra", "hourly_budget", "per_minute", "daily_tokens",
    "daily_usd", "usd_in", "usd_out", "good_from", "second_share", "guidelines",
)  # fmt: skip


class JudgeForm(PluginForm):
    plugins = JUDGES

    class Meta:
        model = Judge
        fields = ("project", "kind", *COMMON)
        labels = LABELS

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("daily_usd") is not None and not (cleaned.get("usd_in") or cleaned.get("usd_out")):
            self.add_error("daily_usd", _("A limit in dollars needs the prices of tokens below."))
        return cleaned


class Failures(Inline):
    model = JudgeFailure
    fields = ("reason", "count", "last_at", "error_shown")
    readonly_fields = fields
    can_delete = False

    @admin.display(description=_("Last error"))
    def error_shown(self, row: JudgeFailure) -> str:
        return reasons.told(row.last_error)

    def has_add_permission(self, *_args: Any, **_more: Any) -> bool:
        return False


@admin.register(Judge)
class Judges(PluginAdmin):
    plugin_form = JudgeForm
    intro = _(
        "A judge marks a share of the calls from 0 to 5. The kinds that ask a model need an OpenAI-compatible "
        "endpoint; the others work on their own."
    )
    common = COMMON
    list_display = (
        "name",
        "project",
        "kind",
        "state_shown",
        "enabled",
        "sample_share",
        "last_ok",
        "error_shown",
    )
    list_filter = ("project", "kind", "enabled")
    search_fields = ("name",)
    inlines = (Failures,)

    @labelled(_("State"), STATES)
    def state_shown(self, row: Judge) -> tuple[str, Any]:
        state = word(row)
        return state, WORDS[state]

    @admin.display(description=_("Last error"))
    def error_shown(self, row: Judge) -> str:
        return reasons.told(row.last_error)
