"""The forms of contacts, routes and silences. A contact's form is made of the fields its receiver declares."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold import widgets

from monitor.alerting import matching
from monitor.alerting.models import Contact, Route, Silence
from monitor.alerting.receivers import RECEIVERS
from monitor.core import fields
from monitor.core.fields import Field
from monitor.store.editing import BaseForm

PREFIX = "setting_"
EVERYONE = _(
    "A project without any enabled route sends every alert to all its enabled contacts. "
    "As soon as there is a route, alerts that no route matches are sent to nobody: "
    "keep a last route without matchers to catch the rest."
)


class ContactForm(BaseForm):
    """The part that all contacts share; ``form_for`` adds the rest."""

    kind = forms.CharField(widget=forms.HiddenInput)

    class Meta:
        model = Contact
        fields = ("project", "name", "kind", "send_resolved", "enabled")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in _declared(self.instance.kind):
            if not field.secret:
                self.initial.setdefault(PREFIX + field.name, _shown(self.instance.settings.get(field.name)))

    def clean_kind(self) -> str:
        kind = str(self.cleaned_data["kind"])
        if kind not in RECEIVERS or self.instance.kind not in {"", kind}:
            message = _("Choose a receiver from the list; the one of an existing contact stays.")
            raise forms.ValidationError(message)
        return kind

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        stored, settings = self.instance.settings, {}
        for field in _declared(cleaned.get("kind", "")):
            given = cleaned.get(PREFIX + field.name)
            given = stored.get(field.name) if field.secret and not given else given
            try:
                settings[field.name] = field.clean(given)
            except fields.BadFieldError as error:
                self.add_error(PREFIX + field.name, str(error))
        self.instance.settings = settings
        return cleaned


def form_for(kind: str, *, new: bool) -> type[ContactForm]:
    """The form of one kind of contact. A stored secret need not be typed again."""
    extra = {PREFIX + field.name: _form_field(field, new=new) for field in _declared(kind)}
    return type("ContactForm", (ContactForm,), extra)


def _declared(kind: str) -> tuple[Field, ...]:
    return tuple(RECEIVERS[kind].fields) if kind in RECEIVERS else ()


def _shown(value: Any) -> Any:
    return ", ".join(value) if isinstance(value, list | tuple) else value


def _form_field(field: Field, *, new: bool) -> forms.Field:
    text = widgets.UnfoldAdminTextInputWidget(attrs={"autocomplete": "off", "spellcheck": "false"})
    common: dict[str, Any] = {
        "label": field.label,
        "help_text": field.help,
        "required": field.required and (new or not field.secret),
    }
    if field.secret:
        hint = _("Not shown again.") if new else _("Not shown; leave it empty to keep the stored one.")
        help_text = f"{field.help} {hint}"
        return forms.CharField(**{**common, "help_text": help_text}, widget=text)
    match field.kind:
        case "flag":
            return forms.BooleanField(
                **common, initial=bool(field.default), widget=widgets.UnfoldBooleanSwitchWidget()
            )
        case "choice":
            choices = [(name, name) for name in field.choices]
            return forms.ChoiceField(**common, choices=choices, widget=widgets.UnfoldAdminSelectWidget())
        case "long_text":
            return forms.CharField(**common, widget=widgets.UnfoldAdminTextareaWidget())
        case _:
            return forms.CharField(**common, initial=_shown(field.default), widget=text)


def _lines(rows: int) -> Any:
    return widgets.UnfoldAdminTextareaWidget(attrs={"rows": rows})


class MatchersForm(BaseForm):
    """A form with matchers, judged when they are saved."""

    def clean_matchers(self) -> str:
        text = str(self.cleaned_data["matchers"])
        try:
            matching.parse(text)
        except matching.BadMatchersError as error:
            raise forms.ValidationError(str(error)) from error
        return text


class RouteForm(MatchersForm):
    class Meta:
        model = Route
        fields = (
            "project", "position", "name", "matchers", "contacts", "go_on", "group_by", "group_wait_seconds",
            "group_interval_seconds", "repeat_interval_seconds", "enabled",
        )  # fmt: skip
        widgets = {"matchers": _lines(2)}

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        project = cleaned.get("project")
        strangers = [one.name for one in cleaned.get("contacts", ()) if one.project != project]
        if project and strangers:
            self.add_error("contacts", _("Of another project: %s") % ", ".join(strangers))
        return cleaned


class SilenceForm(MatchersForm):
    class Meta:
        model = Silence
        fields = ("project", "matchers", "starts_at", "ends_at", "author", "comment")
        widgets = {"matchers": _lines(2), "comment": _lines(2)}

    def clean_matchers(self) -> str:
        text = super().clean_matchers()
        if not any(matcher.value for matcher in matching.parse(text)):
            message = _("At least one matcher with a value: an empty silence would hide everything.")
            raise forms.ValidationError(message)
        return text

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        starts, ends = cleaned.get("starts_at"), cleaned.get("ends_at")
        if starts and ends and ends <= starts:
            self.add_error("ends_at", _("The end lies before the beginning."))
        return cleaned
