"""The forms in which people write rules; they ask the same questions as the rule file."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from django import forms
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold import widgets

from monitor.core import durations
from monitor.editing.pages import BaseForm
from monitor.rules import validate, yaml
from monitor.rules.models import Rule, RuleGroup
from monitor.store.models import Project

MONO = {"style": "font-family: monospace", "spellcheck": "false"}


class DurationField(forms.CharField):
    """``5m`` outside, milliseconds inside."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"widget": widgets.UnfoldAdminTextInputWidget(), **kwargs})

    def prepare_value(self, value: Any) -> Any:
        return durations.text(value) if isinstance(value, int) else value

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        try:
            return durations.parse(text) if text else 0
        except durations.BadDurationError as error:
            raise forms.ValidationError(str(error)) from error

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(self.prepare_value(initial), data)


class TextsField(forms.CharField):
    """``name: text`` per line outside, a mapping inside."""

    def __init__(self, *, rows: int = 3, **kwargs: Any) -> None:
        widget = widgets.UnfoldAdminTextareaWidget(attrs={"rows": rows, **MONO})
        super().__init__(**{"widget": widget, "required": False, "strip": False, **kwargs})

    def prepare_value(self, value: Any) -> Any:
        return yaml.mapping_text(value) if isinstance(value, Mapping) else value

    def clean(self, value: Any) -> Any:
        try:
            return yaml.text_mapping(super().clean(value), str(self.label or ""))
        except yaml.BadRuleFileError as error:
            raise forms.ValidationError(str(error)) from error

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(self.prepare_value(initial), data)


class RuleForm(BaseForm):
    """An expression that is no PromQL is refused with the place marked under it."""

    for_ms = DurationField(
        label=_("For"), required=False, help_text=_("How long it must last before it fires: 5m, 1h30m.")
    )
    keep_firing_for_ms = DurationField(
        label=_("Keep firing for"),
        required=False,
        help_text=_("How long it goes on firing after the result is gone."),
    )
    expr = forms.CharField(
        label=_("Expression"),
        strip=False,
        widget=widgets.UnfoldAdminTextareaWidget(attrs={"rows": 4, **MONO}),
        help_text=_("PromQL. Each series it answers with is one alert."),
    )
    labels = TextsField(
        label=_("Labels"), help_text=_("One `name: text` per line, like `severity: critical`.")
    )
    annotations = TextsField(
        label=_("Annotations"),
        rows=4,
        help_text=_(
            "One `name: text` per line; {{ $value | humanizePercentage }} and {{ $labels.version }} are filled in."
        ),
    )

    class Media:
        js = (forms.Script("js/adminrule.js", type="module"), forms.Script("js/promql.js", type="module"))
        css: ClassVar = {"all": ("complete.css",)}

    class Meta:
        model = Rule
        fields = (
            "group", "kind", "name", "expr", "for_ms", "keep_firing_for_ms", "labels", "annotations", "enabled", "position",
        )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # of a rule that may only be looked at there are no fields
        if "group" not in self.fields or "expr" not in self.fields:
            return
        groups = self.fields["group"].queryset  # type: ignore[attr-defined] # it chooses among rows
        slugs = dict(groups.order_by("pk").values_list("pk", "project__slug"))
        addresses = {pk: f"/p/{slug}/dashboards/words/" for pk, slug in slugs.items()}
        known = addresses.get(self.instance.group_id) or next(iter(addresses.values()), "")
        told = {"data-promql": known, "data-promql-of": json.dumps(addresses)} if known else {}
        self.fields["expr"].widget.attrs.update(told)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        record = cleaned.get("kind") == Rule.Kind.RECORD
        self._ask("expr", lambda: validate.expression(cleaned.get("expr", "")))
        self._ask("labels", lambda: validate.label_names(cleaned.get("labels", {})))
        self._ask("name", lambda: validate.name(cleaned.get("name", "")))
        if record:
            self._ask("name", lambda: validate.record_name(cleaned.get("name", "")))
            self._ask(
                "annotations",
                lambda: validate.label_names(cleaned.get("annotations", {}), what="annotations"),
            )
        else:
            self._ask("labels", lambda: validate.texts(cleaned.get("labels", {}), what="labels"))
            self._ask("annotations", lambda: validate.annotations(cleaned.get("annotations", {})))
        return cleaned

    def _ask(self, field: str, question: Any) -> None:
        """Only one complaint per field, and none about a field that could not be read."""
        if field in self.errors:
            return
        try:
            question()
        except validate.BadRuleError as error:
            style = "white-space: pre; font-family: monospace; overflow-x: auto; display: block"
            self.add_error(field, format_html('<span style="{}">{}</span>', style, str(error)))


class GroupForm(BaseForm):
    interval_ms = DurationField(
        label=_("Interval"), initial=60_000, help_text=_("How often: 15s, 1m. At least 1s.")
    )
    query_offset_ms = DurationField(
        label=_("Query offset"),
        required=False,
        help_text=_("Ask this far in the past, for data that comes late."),
    )
    labels = TextsField(
        label=_("Labels"), help_text=_("Added to every rule of the group; one `name: text` per line.")
    )

    class Meta:
        model = RuleGroup
        fields = ("project", "name", "interval_ms", "query_offset_ms", "limit", "labels", "enabled")

    def clean_interval_ms(self) -> int:
        interval = int(self.cleaned_data["interval_ms"])
        if interval < 1000:
            message = _("At least 1s.")
            raise forms.ValidationError(message)
        return interval

    def clean_labels(self) -> dict[str, str]:
        labels: dict[str, str] = self.cleaned_data["labels"]
        try:
            validate.label_names(labels)
            validate.texts(labels, what="labels")
        except validate.BadRuleError as error:
            raise forms.ValidationError(str(error)) from error
        return labels


class ImportForm(forms.Form):
    """A rule file, pasted or as a file."""

    project = forms.ModelChoiceField(
        Project.objects.none(), label=_("Project"), widget=widgets.UnfoldAdminSelectWidget()
    )
    text = forms.CharField(
        label=_("Rule file"), required=False, strip=False,
        widget=widgets.UnfoldAdminTextareaWidget(attrs={"rows": 16, **MONO}),
    )  # fmt: skip
    file = forms.FileField(label=_("or upload it"), required=False)
    partly = forms.BooleanField(label=_("Take what can be taken, and report the rest"), required=False)
    off = forms.BooleanField(label=_("New groups are off at first"), required=False)

    def __init__(self, *args: Any, projects: Iterable[Project], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        mine = Project.objects.filter(pk__in=[one.pk for one in projects])
        self.fields["project"].queryset = mine  # type: ignore[attr-defined] # a choice of rows

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("file"):
            try:
                cleaned["text"] = cleaned["file"].read().decode("utf-8")
            except UnicodeDecodeError:
                self.add_error("file", _("The file is not UTF-8 text."))
        elif not cleaned.get("text"):
            self.add_error("text", _("Paste a rule file, or choose one."))
        return cleaned
