"""What ops people edit about projects, and who belongs to them."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from monitor.core import clock
from monitor.editing.pages import BaseAdmin, Inline
from monitor.store.models import Membership, Project
from monitor.store.upkeep import retention


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
