"""What ops people edit about what is pulled: targets, and jobs that find them."""

from typing import Any

import yaml
from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminPasswordWidget,
    UnfoldAdminTextareaWidget,
    UnfoldBooleanSwitchWidget,
)

from monitor.core.labels import NAME
from monitor.editing.pages import ProjectAdmin
from monitor.ingest import labelsets
from monitor.ingest.models import (
    ScrapeJob,
    ScrapeTarget,
)
from monitor.ingest.scraping import jobs, read
from monitor.store.models import Role

# the beat looks for due targets every 5 s
LEAST_INTERVAL, MOST_INTERVAL = 5, 3600


class TargetForm(forms.ModelForm):  # type: ignore[type-arg] # generic for the type checker only
    bearer_token = forms.CharField(
        required=False,
        strip=True,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        help_text=_(
            "Sent as “Authorization: Bearer …”. Never shown again; leave it empty to keep the stored one."
        ),
    )
    forget_token = forms.BooleanField(
        required=False, label=_("Forget the stored token"), widget=UnfoldBooleanSwitchWidget
    )

    class Meta:
        model = ScrapeTarget
        fields = ("project", "job", "url", "interval_seconds", "labels", "enabled", "bearer_token")
        widgets = {"labels": UnfoldAdminTextareaWidget(attrs={"rows": 3})}
        labels = {"url": _("Address"), "interval_seconds": _("Interval in seconds")}
        help_texts = {
            "job": _("What is scraped; becomes the label “job”."),
            "url": _("The metrics page, for example http://vllm:8000/metrics"),
            "labels": _('Further labels for every series of the target, for example {"zone": "cn-east"}'),
        }

    def clean_interval_seconds(self) -> int:
        seconds = int(self.cleaned_data["interval_seconds"])
        if not LEAST_INTERVAL <= seconds <= MOST_INTERVAL:
            message = _("Between %(least)d and %(most)d seconds.") % {
                "least": LEAST_INTERVAL,
                "most": MOST_INTERVAL,
            }
            raise forms.ValidationError(message)
        return seconds

    def clean_labels(self) -> dict[str, str]:
        labels = self.cleaned_data["labels"] or {}
        if not isinstance(labels, dict) or not all(isinstance(value, str) for value in labels.values()):
            message = _('An object of texts, for example {"zone": "cn-east"}.')
            raise forms.ValidationError(message)
        try:
            labelsets.checked(labels.items(), named=False)
        except labelsets.BadLabelsError as error:
            raise forms.ValidationError(str(error)) from error
        if NAME in labels:
            message = _("The metric's name comes from the page; choose another label.")
            raise forms.ValidationError(message)
        return labels

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("forget_token"):
            cleaned["bearer_token"] = ""
        elif not cleaned.get("bearer_token") and self.instance.pk:
            cleaned["bearer_token"] = self.initial.get("bearer_token", "")
        same = ScrapeTarget.objects.filter(
            project=cleaned.get("project") or self.instance.project_id, url=cleaned.get("url"), source=None
        )
        if same.exclude(pk=self.instance.pk).exists():
            self.add_error("url", _("This address is a target of the project already."))
        return cleaned


@admin.register(ScrapeTarget)
class Targets(ProjectAdmin):
    form = TargetForm
    list_display = ("job", "url", "project", "enabled", "health", "last_ok", "last_samples", "last_error")
    list_filter = ("project", "job", "enabled")
    search_fields = ("job", "url")
    actions = ("scrape_soon",)
    fields = ("project", "job", "url", "interval_seconds", "labels", "enabled", "bearer_token")
    readonly_fields = ("health", "last_ok", "last_error", "last_duration", "last_samples")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return (*self.fields, "forget_token", *self.readonly_fields) if obj else self.fields

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What a job found is changed in the job."""
        found = obj is not None and obj.source_id is not None
        return not found and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        found = obj is not None and obj.source_id is not None
        return not found and super().has_delete_permission(request, obj)

    @admin.display(description=_("Health"))
    def health(self, row: ScrapeTarget) -> str:
        return str({"up": _("up"), "down": _("down"), "unknown": _("unknown")}[read.health(row)])

    @admin.action(description=_("Scrape at the next tick"), permissions=["change"])
    def scrape_soon(self, request: HttpRequest, chosen: QuerySet[ScrapeTarget]) -> None:
        chosen.update(due_at=None)
        messages.success(request, _("They are due now."))


class JobForm(forms.ModelForm):  # type: ignore[type-arg] # as above
    written = forms.CharField(
        label=_("Scrape configuration"),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 16, "spellcheck": "false"}),
        help_text=_(
            "One entry of Prometheus' scrape_configs, in YAML. Stored secrets are shown as <secret> and kept while that stands there."
        ),
    )

    class Meta:
        model = ScrapeJob
        fields = ("project", "enabled")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            shown = yaml.safe_dump(jobs.masked(self.instance.config), sort_keys=False, allow_unicode=True)
            self.initial["written"] = shown

    def clean_written(self) -> dict[str, Any]:
        try:
            entries = jobs.load(self.cleaned_data["written"])
        except jobs.BadJobError as error:
            raise forms.ValidationError(str(error)) from error
        if len(entries) != 1:
            raise forms.ValidationError(_("Write one entry; manage.py scrape import takes whole files."))
        found: dict[str, Any] = jobs.unmasked(entries[0], self.instance.config)
        return found

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        config = cleaned.get("written")
        if config is not None:
            self.instance.config, self.instance.name = config, jobs.read(config).name
            project = cleaned.get("project") or self.instance.project_id
            same = ScrapeJob.objects.filter(project=project, name=self.instance.name)
            if same.exclude(pk=self.instance.pk).exists():
                self.add_error("written", _("The project has a job of this name already."))
        return cleaned


@admin.register(ScrapeJob)
class Jobs(ProjectAdmin):
    form = JobForm
    # configurations hold credentials
    least = Role.ADMIN
    list_display = ("name", "project", "enabled", "found", "last_ok", "last_error")
    list_filter = ("project", "enabled")
    search_fields = ("name",)
    fields = ("project", "enabled", "written")
    readonly_fields = ("found", "last_ok", "last_error", "last_duration")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return (*self.fields, *self.readonly_fields) if obj else self.fields

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("project", *self.readonly_fields) if obj else self.readonly_fields

    def save_model(self, request: HttpRequest, obj: ScrapeJob, form: Any, change: bool) -> None:
        obj.due_at = None
        super().save_model(request, obj, form, change)

    @admin.display(description=_("Targets"))
    def found(self, row: ScrapeJob) -> int:
        return row.targets.count()
