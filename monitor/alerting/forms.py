"""The forms of contacts, routes, times, inhibitions and silences: what makes no sense is refused when it is saved."""

from typing import Any

from django import forms
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from unfold import widgets

from monitor.alerting import intervals, matching
from monitor.alerting.models import AlertPolicy, Contact, Inhibition, Route, Silence, TimeInterval
from monitor.alerting.receivers import RECEIVERS
from monitor.alerting.silencing import FIRST, LAST
from monitor.core import durations
from monitor.editing.pages import BaseForm
from monitor.editing.plugins import PluginForm

EVERYONE = _(
    "A project without any enabled route sends every alert to all its enabled contacts. "
    "As soon as there is a route, alerts that no route matches are sent to nobody: "
    "keep a last route without matchers to catch the rest."
)


class ContactForm(PluginForm):
    """A contact's form is made of the fields that its receiver declares."""

    plugins = RECEIVERS

    class Meta:
        model = Contact
        fields = ("project", "name", "receiver", "kind", "language", "send_resolved", "enabled")


def _lines(rows: int) -> Any:
    return widgets.UnfoldAdminTextareaWidget(attrs={"rows": rows})


def _matchers(text: str) -> str:
    try:
        matching.parse(text)
    except matching.BadMatchersError as error:
        raise forms.ValidationError(str(error)) from error
    return text


def _with_value(text: str) -> str:
    """Matchers that an alert without any label does not fulfil."""
    if matching.all_match(matching.parse(_matchers(text)), {}):
        message = _("At least one matcher with a value: an empty one would hide everything.")
        raise forms.ValidationError(message)
    return text


def _duration(text: str) -> str:
    try:
        return durations.text(durations.parse(text)) if text else ""
    except durations.BadDurationError as error:
        raise forms.ValidationError(str(error)) from error


class PolicyForm(BaseForm):
    class Meta:
        model = AlertPolicy
        fields = ("project", "resolve_timeout")

    def clean_resolve_timeout(self) -> str:
        return _duration(str(self.cleaned_data["resolve_timeout"]))


class TimeIntervalForm(BaseForm):
    class Meta:
        model = TimeInterval
        fields = ("project", "name", "spec")
        widgets = {"spec": _lines(8)}

    def clean_spec(self) -> str:
        text = str(self.cleaned_data["spec"])
        try:
            intervals.load(text)
        except intervals.BadIntervalError as error:
            raise forms.ValidationError(str(error)) from error
        return text


class InhibitionForm(BaseForm):
    class Meta:
        model = Inhibition
        fields = ("project", "position", "name", "source_matchers", "target_matchers", "equal", "enabled")
        widgets = {"source_matchers": _lines(2), "target_matchers": _lines(2)}

    def clean_source_matchers(self) -> str:
        return _with_value(str(self.cleaned_data["source_matchers"]))

    def clean_target_matchers(self) -> str:
        return _with_value(str(self.cleaned_data["target_matchers"]))


class RouteForm(BaseForm):
    class Meta:
        model = Route
        fields = (
            "project", "parent", "position", "name", "matchers", "contacts", "go_on", "group_by", "group_wait",
            "group_interval", "repeat_interval", "mute_intervals", "active_intervals", "enabled",
        )  # fmt: skip
        widgets = {"matchers": _lines(2)}

    def clean_matchers(self) -> str:
        return _matchers(str(self.cleaned_data["matchers"]))

    def clean_group_wait(self) -> str:
        return _duration(str(self.cleaned_data["group_wait"]))

    def clean_group_interval(self) -> str:
        return _duration(str(self.cleaned_data["group_interval"]))

    def clean_repeat_interval(self) -> str:
        return _duration(str(self.cleaned_data["repeat_interval"]))

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        project, parent = cleaned.get("project"), cleaned.get("parent")
        for name in ("contacts", "mute_intervals", "active_intervals"):
            strangers = [str(one) for one in cleaned.get(name, ()) if one.project != project]
            if project and strangers:
                self.add_error(name, _("Of another project: %s") % ", ".join(strangers))
        if project and parent and parent.project != project:
            self.add_error("parent", _("Of another project: %s") % parent)
        if parent and self.instance.pk and self.instance.pk in _above(parent):
            self.add_error("parent", _("A route can't lie within itself."))
        return cleaned


def _above(route: Route | None) -> set[int]:
    """The route and those it lies within."""
    found: set[int] = set()
    while route is not None and route.pk not in found:
        found.add(route.pk)
        route = route.parent
    return found


class SilenceForm(BaseForm):
    class Meta:
        model = Silence
        fields = ("project", "matchers", "starts_at", "ends_at", "author", "comment")
        labels = {
            "matchers": capfirst(_("matchers")), "starts_at": _("Begins"), "ends_at": _("Ends"), "author": _("Author"),
            "comment": _("Comment"),
        }  # fmt: skip
        help_texts = {"matchers": _('Like alertname="HighLatency", version=~"v2.*"; all must hold.')}
        widgets = {"matchers": _lines(2), "comment": _lines(2)}

    def clean_matchers(self) -> str:
        return _with_value(str(self.cleaned_data["matchers"]))

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        starts, ends = cleaned.get("starts_at"), cleaned.get("ends_at")
        for name, moment in (("starts_at", starts), ("ends_at", ends)):
            if moment and not FIRST <= moment <= LAST:
                span = {"first": FIRST.year, "last": LAST.year}
                self.add_error(name, _("A time between %(first)d and %(last)d, please.") % span)
        if starts and ends and ends <= starts:
            self.add_error("ends_at", _("The end lies before the beginning."))
        return cleaned
