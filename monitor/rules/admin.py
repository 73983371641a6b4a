"""Rules and their groups, as ops people edit them; the state of each stands beside it."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as translated
from django.utils.translation import gettext_lazy as _

from monitor.core import clock, durations
from monitor.editing.pages import Inline, ProjectAdmin, labelled
from monitor.rules import edit, exchange, history, honest, read, yaml
from monitor.rules.forms import GroupForm, ImportForm, RuleForm
from monitor.rules.history import Author
from monitor.rules.models import Origin, Rule, RuleGroup

if TYPE_CHECKING:
    from django.db.models import ForeignKey
    from django.forms import ModelChoiceField

STATES = {"firing": "danger", "pending": "warning", "inactive": "success", "unknown": "info"}
HEALTHS = {"err": "danger", "ok": "success", "unknown": "info"}
BUILDER = _(
    "The page Rules of the project has a builder for those who do not write PromQL, and shows what a rule would have done."
)
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


def _with_project(obj: Any) -> str:
    return f"{obj.project} / {obj.name}"


def _author(request: HttpRequest) -> Author:
    return Author(request.user.get_username(), clock.now())


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
    readonly_fields = (*SEEN, "missed", "source")
    fields = (
        "project",
        "name",
        "interval_ms",
        "query_offset_ms",
        "limit",
        "labels",
        "enabled",
        *SEEN,
        "missed",
        "source",
    )
    inlines = (RuleLines,)
    actions = ("evaluate_soon", "download")
    change_list_template = "admin/monitor/rulegroup/change_list.html"

    def get_urls(self) -> list[URLPattern]:
        mine = path("import/", self.admin_site.admin_view(self.import_file), name="monitor_rulegroup_import")
        return [mine, *super().get_urls()]

    def import_file(self, request: HttpRequest) -> HttpResponse:
        """A rule file, pasted or uploaded, with a report of what was left out."""
        projects = self._mine(request) if self.has_add_permission(request) else []
        form = ImportForm(request.POST or None, request.FILES or None, projects=projects)
        taken = None
        if form.is_valid():
            given = form.cleaned_data
            try:
                taken = edit.take_text(
                    given["project"].pk,
                    given["text"],
                    _author(request),
                    enabled=not given["off"],
                    partly=given["partly"],
                )
            except (yaml.BadRuleFileError, exchange.RefusedFileError) as error:
                form.add_error("text", str(error))
        context = {
            **self.admin_site.each_context(request), "form": form, "taken": taken, "opts": self.opts,
            "title": translated("Import a rule file"),
        }  # fmt: skip
        return render(request, "admin/monitor/rulegroup/import.html", context)

    def save_model(self, request: HttpRequest, obj: RuleGroup, form: Any, change: bool) -> None:
        """Another interval, or being on again, counts from now."""
        if change and {"interval_ms", "enabled"} & set(form.changed_data):
            obj.due_at = None
        super().save_model(request, obj, form, change)

    def delete_model(self, request: HttpRequest, obj: RuleGroup) -> None:
        exchange.remove([obj], _author(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[RuleGroup]) -> None:
        exchange.remove(list(queryset), _author(request))

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
        "edits_shown",
    )
    actions = ("switch_on", "switch_off", "clone")
    fieldsets = (
        (
            None,
            {
                "fields": ("group", "kind", "name", "expr", "for_ms", "keep_firing_for_ms"),
                "description": BUILDER,
            },
        ),
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

    @admin.display(description=_("Who changed what"))
    def edits_shown(self, row: Rule) -> str:
        if not row.pk:
            return "-"
        lines = (
            (f"{one.at:%Y-%m-%d %H:%M}", one.by, one.what, ", ".join(name for name, *_ in one.changed))
            for one in read.edits(row.group.project_id, rule_id=row.pk, limit=20)
        )
        return format_html_join("", "<div>{} {}: {} {}</div>", lines) or "-"

    def save_model(self, request: HttpRequest, obj: Rule, form: Any, change: bool) -> None:
        before = history.words(Rule.objects.select_related("group").get(pk=obj.pk)) if change else {}
        super().save_model(request, obj, form, change)
        history.note(obj, before, _author(request))
        if obj.kind == Rule.Kind.ALERT:
            for one in honest.remarks(obj.group.project_id, obj.expr, now=clock.now()):
                better = f" {one.suggestion}" if one.suggestion else ""
                say = messages.info if one.kind == "silent" else messages.warning
                say(request, one.text + better)

    def delete_model(self, request: HttpRequest, obj: Rule) -> None:
        edit.delete([obj], _author(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Rule]) -> None:
        edit.delete(list(queryset.select_related("group")), _author(request))

    @admin.action(description=_("Switch on"), permissions=["change"])
    def switch_on(self, request: HttpRequest, chosen: QuerySet[Rule]) -> None:
        self._switch(request, chosen.select_related("group"), on=True)

    @admin.action(description=_("Switch off"), permissions=["change"])
    def switch_off(self, request: HttpRequest, chosen: QuerySet[Rule]) -> None:
        self._switch(request, chosen.select_related("group"), on=False)

    def _switch(self, request: HttpRequest, chosen: Iterable[Rule], *, on: bool) -> None:
        done = edit.switch(chosen, _author(request), on=on)
        messages.success(request, translated("%(n)s rules changed.") % {"n": done})

    @admin.action(description=_("Make a copy"), permissions=["add"])
    def clone(self, request: HttpRequest, chosen: QuerySet[Rule]) -> None:
        for rule in chosen.select_related("group"):
            edit.clone(rule, _author(request))
        messages.success(request, translated("The copies are switched off until somebody has changed them."))

    def formfield_for_foreignkey(
        self, db_field: "ForeignKey[Any, Any]", request: HttpRequest, **kwargs: Any
    ) -> "ModelChoiceField[Any]":
        found = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if db_field.name == "group":
            mine = RuleGroup.objects.filter(project__in=self._mine(request), origin=Origin.ADMIN)
            found.queryset = mine.select_related("project").order_by("project__slug", "name")
            found.label_from_instance = _with_project  # type: ignore[method-assign]
        return found
