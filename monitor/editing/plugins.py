"""Admin pages of things whose settings are declared by a plug-in: first the kind is chosen, then its form."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold import widgets

from monitor.core import fields
from monitor.core.fields import Field
from monitor.editing.pages import BaseForm, ProjectAdmin
from monitor.registry import Registry

PREFIX = "setting_"


class PluginForm(BaseForm):
    """The part that all kinds share; ``form_for`` adds the declared fields."""

    plugins: Registry
    kind_field = "kind"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields[self.kind_field].widget = forms.HiddenInput()
        for field in declared(self.plugins, getattr(self.instance, self.kind_field)):
            if not field.secret and field.name in self.instance.settings:
                self.initial.setdefault(PREFIX + field.name, shown(self.instance.settings[field.name]))

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        kind = cleaned.get(self.kind_field, "")
        stored = getattr(self.instance, self.kind_field)
        if kind not in self.plugins or (self.instance.pk and kind != stored):
            message = _("Choose a kind from the list; that of an existing one stays.")
            raise forms.ValidationError(message)
        settings = self._settings(cleaned, kind)
        self.instance.settings = settings
        if not self.errors:
            self._try(kind, settings)
        return cleaned

    def _settings(self, cleaned: dict[str, Any], kind: str) -> dict[str, Any]:
        stored, settings = self.instance.settings, {}
        for field in declared(self.plugins, kind):
            given = cleaned.get(PREFIX + field.name)
            given = stored.get(field.name) if field.secret and not given else given
            try:
                settings[field.name] = field.clean(given)
            except fields.BadFieldError as error:
                self.add_error(PREFIX + field.name, str(error))
        return settings

    def _try(self, kind: str, settings: dict[str, Any]) -> None:
        """What no single field can see, the plug-in says when it is made."""
        try:
            self.plugins[kind](settings)
        except ValueError as error:
            self.add_error(None, str(error))


class PluginAdmin(ProjectAdmin):
    """``intro`` stands above the list of kinds; ``common`` are the fields that all kinds have."""

    plugin_form: type[PluginForm]
    intro: Any = ""
    common: tuple[str, ...] = ()
    seen: tuple[str, ...] = ("last_ok", "last_error", "last_duration")
    readonly_fields = seen

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if self._kind(request) in self.plugin_form.plugins:
            return super().add_view(request, form_url, extra_context)
        plugins = self.plugin_form.plugins
        context = {
            **self.admin_site.each_context(request),
            "title": _("Which kind?"),
            "opts": self.model._meta,  # noqa: SLF001 — Django's own templates ask for it
            "kind_field": self.plugin_form.kind_field,
            "kinds": [(name, gettext(plugins.says(name))) for name in plugins],
            "intro": self.intro,
        }
        return TemplateResponse(request, "admin/choose_kind.html", context)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:  # noqa: FBT001, FBT002 — the base class has it so
        kwargs["form"] = form_for(self.plugin_form, self._kind(request, obj))
        kwargs["fields"] = None
        return super().get_form(request, obj, change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        kind = self._kind(request, obj)
        own = [PREFIX + field.name for field in declared(self.plugin_form.plugins, kind)]
        return [
            (None, {"fields": ["project", *self.common, self.plugin_form.kind_field]}),
            *([(kind, {"fields": own})] if own else []),
            *([(_("State"), {"fields": self.seen})] if obj else []),
        ]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        initial = super().get_changeform_initial_data(request)
        return {**initial, self.plugin_form.kind_field: self._kind(request)}

    def _kind(self, request: HttpRequest, obj: Any = None) -> str:
        name = self.plugin_form.kind_field
        if obj is not None:
            return str(getattr(obj, name))
        return request.POST.get(name) or request.GET.get(name) or ""


def form_for(base: type[PluginForm], kind: str) -> type[PluginForm]:
    """The form of one kind."""
    extra = {PREFIX + field.name: form_field(field) for field in declared(base.plugins, kind)}
    return type(base.__name__, (base,), extra)


def declared(plugins: Registry, kind: str) -> tuple[Field, ...]:
    return tuple(plugins[kind].fields) if kind in plugins else ()


def shown(value: Any) -> Any:
    return ", ".join(value) if isinstance(value, list | tuple) else value


def form_field(field: Field) -> forms.Field:
    """Whether a value is missing is judged with what is stored, so no form field is required by itself."""
    text = widgets.UnfoldAdminTextInputWidget(attrs={"autocomplete": "off", "spellcheck": "false"})
    explained = _(field.help) if field.help else ""
    common: dict[str, Any] = {"label": _(field.label), "help_text": explained, "required": False}
    if field.secret:
        help_text = format_lazy(
            "{} {}", explained, _("Not shown again; leave it empty to keep the stored one.")
        )
        return forms.CharField(**{**common, "help_text": help_text}, widget=text)
    common["initial"] = shown(field.default)
    match field.kind:
        case "flag":
            return forms.BooleanField(**common, widget=widgets.UnfoldBooleanSwitchWidget())
        case "choice":
            choices = [(name, name) for name in field.choices]
            return forms.ChoiceField(**common, choices=choices, widget=widgets.UnfoldAdminSelectWidget())
        case "long_text":
            return forms.CharField(**common, widget=widgets.UnfoldAdminTextareaWidget())
        case _:
            return forms.CharField(**common, widget=text)
