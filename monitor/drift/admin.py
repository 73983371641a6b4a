"""Drift watches as ops people edit them: what is watched, by which detector, against which reference."""

import datetime as dt
from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold import widgets

from monitor.core import clock
from monitor.drift import features, pinning, policy, reasons
from monitor.drift.detectors import DETECTORS
from monitor.drift.detectors.base import reads
from monitor.drift.models import DriftPolicy, DriftSignal, DriftWatch, WatchState
from monitor.drift.signals import CATEGORY, NUMBER
from monitor.editing.pages import BaseForm, ProjectAdmin, labelled
from monitor.editing.plugins import PluginAdmin, PluginForm

STATES = {
    str(WatchState.OK): "success",
    str(WatchState.WARNING): "warning",
    str(WatchState.DRIFT): "danger",
    str(WatchState.LEARNING): "info",
    str(WatchState.UNKNOWN): "info",
}
LABELS = {
    "project": _("Project"), "model": _("Model"), "version": _("Version"), "feature": _("Feature"),
    "detector": _("Detector"), "window_seconds": _("Window"), "enabled": _("Enabled"),
    "reference_hours": _("First hours as reference"), "past_weeks": _("Past weeks"), "reference_from": _("Reference from"),
    "reference_to": _("Reference to"), "reference_version": _("Reference version"),
}  # fmt: skip
REFERENCE = ("reference_from", "reference_to", "reference_version")
NEW_NORMAL = dt.timedelta(days=1)


class Told:
    """What was stored in English, in the language of whoever reads it."""

    @admin.display(description=_("Reason"))
    def reason_shown(self, row: DriftSignal | DriftWatch) -> str:
        return reasons.told(row.reason)

    @admin.display(description=_("Last error"))
    def error_shown(self, row: DriftSignal | DriftWatch) -> str:
        return reasons.told(row.last_error)


# choices that need the name of an attribute
ATTRIBUTES = {NUMBER: _("an attribute that is a number"), CATEGORY: _("an attribute that is a word")}


class WatchForm(PluginForm):
    plugins = DETECTORS
    kind_field = "detector"
    feature = forms.ChoiceField(
        label=_("Feature"), choices=features.choices, widget=widgets.UnfoldAdminSelectWidget()
    )
    attribute = forms.CharField(
        label=_("Attribute"), required=False, max_length=policy.LONGEST_NAME,
        help_text=_("Its name, where an attribute is watched: one of those that come with the calls."),
        widget=widgets.UnfoldAdminTextInputWidget(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )  # fmt: skip

    class Meta:
        model = DriftWatch
        fields = (
            "project", "model", "version", "feature", "detector", "window_seconds", "enabled",
            "reference_hours", "past_weeks", *REFERENCE,
        )  # fmt: skip
        labels = LABELS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chosen = self.fields["feature"]
        assert isinstance(chosen, forms.ChoiceField)
        chosen.choices = [*features.choices(), *ATTRIBUTES.items()]
        prefix = next((one for one in ATTRIBUTES if self.instance.feature.startswith(one)), "")
        if prefix:
            self.initial = {
                **self.initial,
                "feature": prefix,
                "attribute": self.instance.feature.removeprefix(prefix),
            }

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("feature") in ATTRIBUTES:
            name = (cleaned.get("attribute") or "").strip()
            if not name:
                self.add_error("attribute", _("Say which attribute."))
                return cleaned
            cleaned["feature"] += name
        wanted = features.of(cleaned["feature"]).kind if cleaned.get("feature") else ""
        if wanted and reads(DETECTORS[cleaned["detector"]], wanted) is None:
            self.add_error("feature", _("This detector compares other data; choose a feature that fits it."))
        cleaned["past_weeks"] = cleaned.get("past_weeks") or 0
        if cleaned["past_weeks"] and cleaned.get("reference_from"):
            self.add_error("past_weeks", _("Either a pinned reference or past weeks."))
        if bool(cleaned.get("reference_from")) != bool(cleaned.get("reference_to")):
            message = _("Give both ends of the reference, or neither: then it is pinned by itself.")
            raise ValidationError(message)
        return cleaned


@admin.register(DriftWatch)
class Watches(Told, PluginAdmin):
    plugin_form = WatchForm
    intro = _(
        "Signals watch every version by themselves. Add a watch only where you want one certain distance, such as "
        "a Wasserstein distance, measured hour by hour; against a pinned reference it does not know the time of the day."
    )
    common = (
        "model",
        "version",
        "feature",
        "attribute",
        "window_seconds",
        "enabled",
        "reference_hours",
        "past_weeks",
        *REFERENCE,
    )
    seen = ("state", "reason_shown", "evaluated_to", "last_ok", "error_shown", "last_duration")
    readonly_fields = seen
    list_display = ("feature", "model", "version", "project", "detector", "state_shown", "enabled", "last_ok")
    list_filter = ("project", "state", "feature", "enabled")
    search_fields = ("model", "version")
    actions = ("new_normal",)

    def save_model(self, request: HttpRequest, obj: DriftWatch, form: Any, change: bool) -> None:
        """Another reference is pinned anew, and evidence against the old one is void."""
        if change and set(form.changed_data) & {
            *REFERENCE,
            "past_weeks",
            "detector",
            "feature",
            "model",
            "version",
        }:
            obj.reference, obj.progress = {}, {}
        super().save_model(request, obj, form, change)

    @labelled(_("State"), STATES)
    def state_shown(self, row: DriftWatch) -> tuple[str, Any]:
        return row.state, WatchState(row.state).label

    @admin.action(description=_("The last 24 hours are the new normal"), permissions=["change"])
    def new_normal(self, request: HttpRequest, chosen: QuerySet[DriftWatch]) -> None:
        now = clock.now()
        for watch in chosen:
            pinning.repin(watch, now - NEW_NORMAL, now)
        messages.success(request, _("Pinned; the next comparison uses it."))


class SignalForm(BaseForm):
    class Meta:
        model = DriftSignal
        fields = ("enabled", *REFERENCE)
        labels = LABELS

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("reference_to") and not cleaned.get("reference_from"):
            self.add_error("reference_from", _("Say where the reference begins."))
        return cleaned


@admin.register(DriftSignal)
class Signals(Told, ProjectAdmin):
    form = SignalForm
    fields = (
        "kind",
        "model",
        "version",
        "enabled",
        *REFERENCE,
        "state_shown",
        "reason_shown",
        "last_ok",
        "error_shown",
    )
    readonly_fields = ("kind", "model", "version", "state_shown", "reason_shown", "last_ok", "error_shown")
    list_display = ("kind", "model", "version", "project", "state_shown", "enabled", "last_ok")
    list_filter = ("project", "state", "kind", "enabled")
    search_fields = ("model", "version")
    actions = ("new_normal", "switch_off", "switch_on")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: DriftSignal, form: Any, change: bool) -> None:
        """Evidence against another reference is void."""
        if set(form.changed_data) & {*REFERENCE}:
            obj.progress, obj.body = {}, {}
        super().save_model(request, obj, form, change)

    @labelled(_("State"), STATES)
    def state_shown(self, row: DriftSignal) -> tuple[str, Any]:
        return row.state, WatchState(row.state).label

    @admin.action(description=_("What comes from now on is the new normal"), permissions=["change"])
    def new_normal(self, request: HttpRequest, chosen: QuerySet[DriftSignal]) -> None:
        chosen.update(
            reference_from=clock.now(), reference_to=None, reference_version="", progress={}, body={}
        )
        messages.success(request, _("The next hours become the reference; it warns after six of them."))

    @admin.action(description=_("Switch off"), permissions=["change"])
    def switch_off(self, _request: HttpRequest, chosen: QuerySet[DriftSignal]) -> None:
        chosen.update(enabled=False)

    @admin.action(description=_("Switch on"), permissions=["change"])
    def switch_on(self, _request: HttpRequest, chosen: QuerySet[DriftSignal]) -> None:
        chosen.update(enabled=True)


class PolicyForm(BaseForm):
    class Meta:
        model = DriftPolicy
        fields = ("project", "false_pages_per_month", "time_zone", "holidays", "attributes")
        labels = {
            "project": _("Project"), "false_pages_per_month": _("False pages a month"),
            "time_zone": _("Time zone"), "holidays": _("Holidays"), "attributes": _("Attributes"),
        }  # fmt: skip

    def clean_time_zone(self) -> str:
        return self._checked("time_zone", policy.zone_of)

    def clean_holidays(self) -> str:
        return self._checked("holidays", policy.holidays_of)

    def clean_attributes(self) -> str:
        return self._checked("attributes", policy.attributes_of)

    def _checked(self, name: str, read: Callable[[str], object]) -> str:
        typed: str = self.cleaned_data[name]
        try:
            read(typed)
        except policy.BadPolicyError as error:
            raise ValidationError(str(error)) from None
        return typed


@admin.register(DriftPolicy)
class Policies(ProjectAdmin):
    form = PolicyForm
    list_display = ("project", "false_pages_per_month", "time_zone")
