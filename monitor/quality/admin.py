"""Judges as ops people edit them; what went wrong stands below."""

from typing import Any

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from monitor.quality.judges import JUDGES
from monitor.quality.models import Judge, JudgeFailure
from monitor.quality.read import word
from monitor.store.editing import Inline, labelled
from monitor.store.plugin_forms import PluginAdmin, PluginForm

STATES = {"ok": "success", "failing": "danger", "spent": "warning", "new": "info", "off": "info"}
COMMON = (
    "name", "enabled", "model", "version", "sample_share", "extra", "hourly_budget", "per_minute", "daily_tokens",
    "daily_usd", "usd_in", "usd_out", "good_from", "second_share", "guidelines",
)  # fmt: skip


class JudgeForm(PluginForm):
    plugins = JUDGES

    class Meta:
        model = Judge
        fields = ("project", "kind", *COMMON)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("daily_usd") is not None and not (cleaned.get("usd_in") or cleaned.get("usd_out")):
            self.add_error("daily_usd", _("A limit in dollars needs the prices of tokens below."))
        return cleaned


class Failures(Inline):
    model = JudgeFailure
    fields = ("reason", "count", "last_at", "last_error")
    readonly_fields = fields
    can_delete = False

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
        "last_error",
    )
    list_filter = ("project", "kind", "enabled")
    search_fields = ("name",)
    inlines = (Failures,)

    @labelled(_("State"), STATES)
    def state_shown(self, row: Judge) -> str:
        return word(row)
