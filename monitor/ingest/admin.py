"""What ops people edit about senders: projects and their people, API keys, scrape targets."""

from typing import Any

import yaml
from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminPasswordWidget,
    UnfoldAdminTextareaWidget,
    UnfoldBooleanSwitchWidget,
)

from monitor.core import clock
from monitor.core.labels import NAME
from monitor.ingest import jobs, keys, labelsets, read
from monitor.ingest.models import (
    SCOPES,
    ApiKey,
    RedactionChoice,
    RedactionPattern,
    ScrapeJob,
    ScrapeTarget,
)
from monitor.store.editing import BaseAdmin, Inline, ProjectAdmin
from monitor.store.models import Membership, Project, Role
from monitor.store.upkeep import retention

# the beat looks for due targets every 5 s
LEAST_INTERVAL, MOST_INTERVAL = 5, 3600


class Members(Inline):
    model = Membership
    autocomplete_fields = ("user",)


@admin.register(Project)
class Projects(BaseAdmin):
    list_display = ("slug", "name", "demo", "created_at", "deleted_at")
    list_filter = ("demo",)
    search_fields = ("slug", "name")
    fields = (
        "slug",
        "name",
        "buckets",
        "raw_days",
        "five_minute_days",
        "hour_days",
        "content_days",
        "embedding_days",
    )
    inlines = (Members,)
    actions = ("mark_deleted",)

    def save_model(self, request: HttpRequest, obj: Project, form: Any, change: bool) -> None:
        if not change:
            obj.created_at = clock.now()
        super().save_model(request, obj, form, change)

    def has_delete_permission(self, request: HttpRequest, obj: Project | None = None) -> bool:
        """A project's rows are too many for one request: the action marks it, a job removes them."""
        return False

    @admin.action(description=_("Delete with all data"), permissions=["change"])
    def mark_deleted(self, request: HttpRequest, chosen: QuerySet[Project]) -> None:
        for project in chosen:
            retention.mark_deleted(project, now=clock.now())
        messages.success(request, _("Gone from every page; their rows are removed in the background."))


class KeyForm(forms.ModelForm):  # type: ignore[type-arg] # generic for the type checker only
    scopes = forms.MultipleChoiceField(
        choices=[(scope, scope) for scope in SCOPES],
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        initial=["ingest"],
        help_text=_("ingest: send; query: read; manage: change rules, silences and releases"),
    )

    class Meta:
        model = ApiKey
        fields = ("project", "name", "scopes", "expires_at", "per_minute")


@admin.register(ApiKey)
class Keys(ProjectAdmin):
    form = KeyForm
    least = Role.ADMIN
    list_display = (
        "name", "prefix", "project", "scopes", "created_at", "last_used_at", "expires_at", "revoked_at", "per_minute",
    )  # fmt: skip
    list_filter = ("project",)
    search_fields = ("name", "prefix")
    actions = ("revoke",)
    fields = ("project", "name", "scopes", "expires_at", "per_minute")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("project", "prefix", "created_at", "last_used_at", "revoked_at") if obj else ()

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return (*self.fields, "prefix", "created_at", "last_used_at", "revoked_at") if obj else self.fields

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
            return
        text = keys.create(obj.project, obj.name, obj.scopes, now=clock.now())
        made = ApiKey.objects.get(digest=keys.digest(text))
        made.expires_at, made.per_minute = obj.expires_at, obj.per_minute
        made.save(update_fields=["expires_at", "per_minute"])
        obj.__dict__.update(made.__dict__)
        # only the answer to this request ever knows the text
        request.new_key = text  # type: ignore[attr-defined]

    def response_add(
        self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None
    ) -> HttpResponse:
        """The page that shows the key, this once."""
        context = {
            **self.admin_site.each_context(request),
            "title": _("API key created"),
            "opts": self.model._meta,  # noqa: SLF001 — Django's own templates ask for it
            "key": request.new_key,  # type: ignore[attr-defined] # save_model put it there
            "row": obj,
            "back": reverse("admin:monitor_apikey_changelist"),
        }
        answer = TemplateResponse(request, "admin/monitor/apikey/created.html", context)
        answer["Cache-Control"] = "no-store"
        return answer

    @admin.action(description=_("Revoke"), permissions=["change"])
    def revoke(self, request: HttpRequest, chosen: QuerySet[ApiKey]) -> None:
        live = list(chosen.filter(revoked_at=None))
        for key in live:
            key.revoked_at = clock.now()
            key.save(update_fields=["revoked_at"])
        messages.success(
            request, _("%(count)d keys revoked; they are refused from now on.") % {"count": len(live)}
        )


class TargetForm(forms.ModelForm):  # type: ignore[type-arg] # as above
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


@admin.register(RedactionChoice)
class RedactionChoices(ProjectAdmin):
    """Kinds without a row are masked."""

    least = Role.ADMIN
    list_display = ("kind", "mode", "project")
    list_filter = ("project", "mode")
    fields = ("project", "kind", "mode")


@admin.register(RedactionPattern)
class RedactionPatterns(ProjectAdmin):
    """Patterns are checked when they are saved: the model refuses what RE2 refuses."""

    least = Role.ADMIN
    list_display = ("name", "pattern", "mode", "project")
    list_filter = ("project", "mode")
    search_fields = ("name", "pattern")
    fields = ("project", "name", "pattern", "mode")
