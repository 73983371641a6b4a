"""What ops people edit about senders: API keys, and what is redacted of their texts."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
)

from monitor.core import clock
from monitor.editing.pages import ProjectAdmin
from monitor.ingest import keys
from monitor.ingest.models import (
    SCOPES,
    ApiKey,
    RedactionChoice,
    RedactionPattern,
)
from monitor.store.models import Role


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
