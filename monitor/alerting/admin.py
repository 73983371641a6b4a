"""Contacts, routes, silences and what was sent, as ops people see them."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _

from monitor.alerting import deliver, read
from monitor.alerting.forms import EVERYONE, PREFIX, RouteForm, SilenceForm, form_for
from monitor.alerting.models import Contact, Delivery, DeliveryAttempt, Route, Silence
from monitor.alerting.receivers import RECEIVERS
from monitor.core import clock
from monitor.store.editing import Inline, ProjectAdmin, labelled

if TYPE_CHECKING:
    from django.db.models import ManyToManyField
    from django.forms import ModelMultipleChoiceField

SEEN = ("last_ok", "last_error", "last_duration")
HEALTHS = {"failing": "danger", "ok": "success", "unknown": "info"}
STATES = {"sent": "success", "waiting": "warning", "refused": "danger", "given_up": "danger"}


@admin.register(Contact)
class Contacts(ProjectAdmin):
    list_display = ("name", "project", "kind", "health_shown", "enabled", "last_ok", "last_error")
    list_filter = ("project", "kind", "enabled")
    search_fields = ("name",)
    readonly_fields = SEEN
    actions = ("send_test",)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """First the receiver is chosen; the form is made of its fields."""
        if _kind(request) in RECEIVERS:
            return super().add_view(request, form_url, extra_context)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Who should be told, and how?"),
            "opts": self.model._meta,  # noqa: SLF001 — Django's own templates ask for it
            "kinds": [(name, (RECEIVERS[name].__doc__ or "").partition("\n")[0]) for name in RECEIVERS],
            "everyone": EVERYONE,
        }
        return TemplateResponse(request, "admin/monitor/contact/choose.html", context)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:  # noqa: FBT002 — the base class has it so
        kwargs["form"] = form_for(obj.kind if obj else _kind(request), new=obj is None)
        kwargs["fields"] = None
        return super().get_form(request, obj, change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        kind = obj.kind if obj else _kind(request)
        own = [PREFIX + field.name for field in RECEIVERS[kind].fields] if kind in RECEIVERS else []
        return [
            (
                None,
                {"fields": ["project", "name", "kind", "enabled", "send_resolved"], "description": EVERYONE},
            ),
            (kind, {"fields": own}),
            *([(_("State"), {"fields": SEEN})] if obj else []),
        ]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {**super().get_changeform_initial_data(request), "kind": _kind(request)}

    def save_model(self, request: HttpRequest, obj: Contact, form: Any, change: bool) -> None:
        """A contact that was refused is tried again soon after somebody changed it."""
        obj.changed_at = clock.now()
        super().save_model(request, obj, form, change)

    @labelled(_("Health"), HEALTHS)
    def health_shown(self, row: Contact) -> str:
        return read.health(row)

    @admin.action(description=_("Send a test message"), permissions=["change"])
    def send_test(self, request: HttpRequest, chosen: QuerySet[Contact]) -> None:
        for contact in chosen:
            deliver.send_test(contact, now=clock.now())
        messages.success(request, _("On its way; see the deliveries for the answer."))


def _kind(request: HttpRequest) -> str:
    return request.POST.get("kind") or request.GET.get("kind") or ""


@admin.register(Route)
class Routes(ProjectAdmin):
    form = RouteForm
    list_display = ("name", "project", "position", "matchers", "go_on", "enabled")
    list_filter = ("project", "enabled")
    filter_horizontal = ("contacts",)
    fieldsets = (
        (None, {"fields": ("project", "name", "position", "enabled"), "description": EVERYONE}),
        (_("Which alerts, to whom"), {"fields": ("matchers", "contacts", "go_on")}),
        (
            _("When"),
            {
                "fields": (
                    "group_by",
                    "group_wait_seconds",
                    "group_interval_seconds",
                    "repeat_interval_seconds",
                )
            },
        ),
    )

    def formfield_for_manytomany(
        self, db_field: "ManyToManyField[Any, Any]", request: HttpRequest, **kwargs: Any
    ) -> "ModelMultipleChoiceField[Any] | None":
        kwargs["queryset"] = Contact.objects.filter(project__in=self._mine(request))
        return super().formfield_for_manytomany(db_field, request, **kwargs)


@admin.register(Silence)
class Silences(ProjectAdmin):
    form = SilenceForm
    list_display = ("matchers", "project", "starts_at", "ends_at", "author", "comment")
    list_filter = ("project",)
    search_fields = ("matchers", "comment", "author")
    actions = ("expire",)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        mine = {"author": request.user.get_username(), "starts_at": clock.now()}
        return {**mine, **super().get_changeform_initial_data(request)}

    def save_model(self, request: HttpRequest, obj: Silence, form: Any, change: bool) -> None:
        obj.updated_at = clock.now()
        super().save_model(request, obj, form, change)

    @admin.action(description=_("End now"), permissions=["change"])
    def expire(self, request: HttpRequest, chosen: QuerySet[Silence]) -> None:
        now = clock.now()
        count = chosen.filter(starts_at__lte=now, ends_at__gt=now).update(ends_at=now, updated_at=now)
        count += chosen.filter(starts_at__gt=now).delete()[0]
        messages.success(request, _("%(count)d silences ended.") % {"count": count})


class Attempts(Inline):
    model = DeliveryAttempt
    fields = readonly_fields = ("number", "at", "outcome", "duration_seconds", "error")
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Delivery)
class Deliveries(ProjectAdmin):
    list_display = ("created_at", "contact", "status", "state_shown", "attempts", "last_error")
    list_filter = ("project", "contact", "state")
    list_select_related = ("contact",)
    inlines = (Attempts,)
    fields = readonly_fields = (
        "created_at", "project", "contact", "status", "state", "attempts", "next_at", "finished_at",
        "last_error", "content",
    )  # fmt: skip

    @labelled(_("State"), STATES, ordering="state")
    def state_shown(self, row: Delivery) -> str:
        return row.state

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
