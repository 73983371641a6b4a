"""Drift watches as ops people edit them: what is watched, by which detector, against which reference."""

import datetime as dt
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from monitor.core import clock
from monitor.drift import pinning
from monitor.drift.detectors import DETECTORS
from monitor.drift.features import FEATURES
from monitor.drift.models import DriftWatch, WatchState
from monitor.store.editing import labelled
from monitor.store.plugin_forms import PluginAdmin, PluginForm

STATES = {
    WatchState.OK.label: "success",
    WatchState.WARNING.label: "warning",
    WatchState.DRIFT.label: "danger",
    WatchState.LEARNING.label: "info",
    WatchState.UNKNOWN.label: "info",
}
REFERENCE = ("reference_from", "reference_to", "reference_version")
NEW_NORMAL = dt.timedelta(days=1)


class WatchForm(PluginForm):
    plugins = DETECTORS
    kind_field = "detector"

    class Meta:
        model = DriftWatch
        fields = (
            "project", "model", "version", "feature", "detector", "window_seconds", "enabled",
            "reference_hours", *REFERENCE,
        )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        wanted = FEATURES[cleaned["feature"]].kind if cleaned.get("feature") in FEATURES else ""
        if wanted and DETECTORS[cleaned["detector"]].kind != wanted:
            self.add_error("feature", _("This detector compares other data; choose a feature that fits it."))
        if bool(cleaned.get("reference_from")) != bool(cleaned.get("reference_to")):
            message = _("Give both ends of the reference, or neither: then it is pinned by itself.")
            raise ValidationError(message)
        return cleaned


@admin.register(DriftWatch)
class Watches(PluginAdmin):
    plugin_form = WatchForm
    intro = _(
        "Watches appear by themselves for every version with traffic. Add one to watch with another detector; "
        "switch off, rather than delete, one that you don't need."
    )
    common = ("model", "version", "feature", "window_seconds", "enabled", "reference_hours", *REFERENCE)
    seen = ("state", "reason", "evaluated_to", "last_ok", "last_error", "last_duration")
    readonly_fields = seen
    list_display = ("feature", "model", "version", "project", "detector", "state_shown", "enabled", "last_ok")
    list_filter = ("project", "state", "feature", "enabled")
    search_fields = ("model", "version")
    actions = ("new_normal",)

    def save_model(self, request: HttpRequest, obj: DriftWatch, form: Any, change: bool) -> None:
        """Another reference is pinned anew, and evidence against the old one is void."""
        if change and set(form.changed_data) & {*REFERENCE, "detector", "feature", "model", "version"}:
            obj.reference, obj.progress = {}, {}
        super().save_model(request, obj, form, change)

    @labelled(_("State"), STATES)
    def state_shown(self, row: DriftWatch) -> str:
        return WatchState(row.state).label

    @admin.action(description=_("The last 24 hours are the new normal"), permissions=["change"])
    def new_normal(self, request: HttpRequest, chosen: QuerySet[DriftWatch]) -> None:
        now = clock.now()
        for watch in chosen:
            pinning.repin(watch, now - NEW_NORMAL, now)
        messages.success(request, _("Pinned; the next comparison uses it."))
