"""Rules and their groups, as ops people edit them; the state of each stands beside it."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from monitor.core import durations
from monitor.rules import exchange, yaml
from monitor.rules.forms import GroupForm, RuleForm
from monitor.rules.models import Origin, Rule, RuleGroup
from monitor.store.editing import Inline, ProjectAdmin, labelled

if TYPE_CHECKING:
    from django.db.models import ForeignKey
    from django.forms import ModelChoiceField

STATES = {"firing": "danger", "pending": "warning", "inactive": "success", "unknown": "info"}
HEALTHS = {"err": "danger", "ok": "success", "unknown": "info"}
SEEN = ("evaluated_at", "last_ok", "last_error", "last_duration")


class RuleLines(Inline):
    """What stands in the group; each opens on its own page."""

    model = Rule
    fields = ("position", "name", "state", "health", "enabled")
    readonly_fields = ("name", "state", "health")
    show_change_link = True
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class FromFile:
    """Rows that come from a mounted file are read-only here."""

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        allowed: bool = super().has_change_permission(request, obj)  # type: ignore[misc] # a mix-in
        return allowed and not _from_file(obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        allowed: bool = super().has_delete_permission(request, obj)  # type: ignore[misc] # as above
        return allowed and not _from_file(obj)


def _from_file(obj: Any) -> bool:
    group = obj.group if isinstance(obj, Rule) else obj
    return group is not None and group.origin == Origin.FILE


@admin.register(RuleGroup)
class RuleGroups(FromFile, ProjectAdmin):
    form = GroupForm
    list_display = (
        "name",
        "project",
        "every",
        "rule_count",
        "enabled",
        "origin",
        "evaluated_at",
        "last_error",
    )
    list_filter = ("project", "enabled", "origin")
    search_fields = ("name",)
    readonly_fields = SEEN
    fields = ("project", "name", "interval_ms", "query_offset_ms", "limit", "labels", "enabled", *SEEN)
    inlines = (RuleLines,)
    actions = ("evaluate_soon", "download")

    @admin.display(description=_("Interval"))
    def every(self, row: RuleGroup) -> str:
        return durations.text(row.interval_ms)

    @admin.display(description=_("Rules"))
    def rule_count(self, row: RuleGroup) -> int:
        return row.rules.count()

    @admin.action(description=_("Evaluate at the next tick"), permissions=["change"])
    def evaluate_soon(self, request: HttpRequest, chosen: QuerySet[RuleGroup]) -> None:
        chosen.update(due_at=None)
        messages.success(request, _("They are due now."))

    @admin.action(description=_("Download as a Prometheus rule file"), permissions=["view"])
    def download(self, request: HttpRequest, chosen: QuerySet[RuleGroup]) -> HttpResponse:
        groups = exchange.together(chosen.prefetch_related("rules"))
        answer = HttpResponse(yaml.dump(groups), content_type="application/yaml; charset=utf-8")
        answer["Content-Disposition"] = 'attachment; filename="rules.yml"'
        return answer


@admin.register(Rule)
class Rules(FromFile, ProjectAdmin):
    form = RuleForm
    scope = "group__project"
    list_display = (
        "name",
        "state_shown",
        "health_shown",
        "group",
        "hold",
        "severity",
        "enabled",
        "evaluated_at",
        "last_error",
    )
    list_filter = ("group__project", "state", "health", "kind", "enabled")
    list_select_related = ("group",)
    search_fields = ("name", "expr")
    readonly_fields = (
        "state_shown",
        "health_shown",
        "error_shown",
        "evaluated_at",
        "last_ok",
        "last_duration",
    )
    fieldsets = (
        (None, {"fields": ("group", "kind", "name", "expr", "for_ms", "keep_firing_for_ms")}),
        (_("Texts"), {"fields": ("labels", "annotations")}),
        (_("Use"), {"fields": ("enabled", "position")}),
        (_("State"), {"fields": readonly_fields}),
    )

    @labelled(_("State"), STATES, ordering="state")
    def state_shown(self, row: Rule) -> str:
        return row.state

    @labelled(_("Health"), HEALTHS, ordering="health")
    def health_shown(self, row: Rule) -> str:
        return row.health

    @admin.display(description=_("For"), ordering="for_ms")
    def hold(self, row: Rule) -> str:
        return row.hold_text

    @admin.display(description=_("Last error"))
    def error_shown(self, row: Rule) -> str:
        return format_html("<pre>{}</pre>", row.last_error) if row.last_error else "-"

    def formfield_for_foreignkey(
        self, db_field: "ForeignKey[Any, Any]", request: HttpRequest, **kwargs: Any
    ) -> "ModelChoiceField[Any]":
        if db_field.name == "group":
            mine = RuleGroup.objects.filter(project__in=self._mine(request), origin=Origin.ADMIN)
            kwargs["queryset"] = mine.select_related("project")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)
