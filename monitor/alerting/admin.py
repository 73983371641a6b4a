"""Contacts, routes, silences and what was sent, as ops people see them."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from monitor.alerting import deliver, read, silencing
from monitor.alerting.forms import (
    EVERYONE,
    ContactForm,
    InhibitionForm,
    PolicyForm,
    RouteForm,
    SilenceForm,
    TimeIntervalForm,
)
from monitor.alerting.models import (
    AlertPolicy,
    Contact,
    Delivery,
    DeliveryAttempt,
    Inhibition,
    Route,
    Silence,
    TimeInterval,
)
from monitor.core import clock
from monitor.editing.pages import Inline, ProjectAdmin, labelled
from monitor.editing.plugins import PluginAdmin

if TYPE_CHECKING:
    from django.db.models import ForeignKey, ManyToManyField
    from django.forms import ModelChoiceField, ModelMultipleChoiceField

HEALTHS = {"failing": "danger", "ok": "success", "unknown": "info"}
STATES = {"sent": "success", "waiting": "warning", "refused": "danger", "given_up": "danger"}


@admin.register(Contact)
class Contacts(PluginAdmin):
    plugin_form = ContactForm
    intro = EVERYONE
    common = ("name", "receiver", "language", "enabled", "send_resolved")
    list_display = ("name", "project", "kind", "health_shown", "enabled", "last_ok", "last_error")
    list_filter = ("project", "kind", "enabled")
    search_fields = ("name",)
    actions = ("send_test",)

    def save_model(self, request: HttpRequest, obj: Contact, form: Any, change: bool) -> None:
        """A contact that was refused or rests is tried again soon after somebody changed it."""
        obj.changed_at, obj.failures, obj.rest_until = clock.now(), 0, None
        super().save_model(request, obj, form, change)

    @labelled(_("Health"), HEALTHS)
    def health_shown(self, row: Contact) -> str:
        return read.health(row)

    @admin.action(description=_("Send a test message"), permissions=["change"])
    def send_test(self, request: HttpRequest, chosen: QuerySet[Contact]) -> None:
        for contact in chosen:
            deliver.send_test(contact, now=clock.now())
        messages.success(request, _("On its way; see the deliveries for the answer."))


@admin.register(Route)
class Routes(ProjectAdmin):
    form = RouteForm
    list_display = ("name", "project", "parent", "position", "matchers", "go_on", "enabled")
    list_filter = ("project", "enabled")
    fieldsets = (
        (None, {"fields": ("project", "name", "parent", "position", "enabled"), "description": EVERYONE}),
        (_("Which alerts, to whom"), {"fields": ("matchers", "contacts", "go_on")}),
        (
            _("When"),
            {
                "fields": (
                    "group_by", "group_wait", "group_interval", "repeat_interval", "mute_intervals", "active_intervals",
                )
            },
        ),
    )  # fmt: skip

    def formfield_for_manytomany(
        self, db_field: "ManyToManyField[Any, Any]", request: HttpRequest, **kwargs: Any
    ) -> "ModelMultipleChoiceField[Any] | None":
        kwargs["queryset"] = self._within(db_field.related_model, request)
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def formfield_for_foreignkey(
        self, db_field: "ForeignKey[Any, Any]", request: HttpRequest, **kwargs: Any
    ) -> "ModelChoiceField[Any]":
        if db_field.related_model is Route:
            kwargs["queryset"] = self._within(Route, request)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def _within(self, model: Any, request: HttpRequest) -> QuerySet[Any]:
        found: QuerySet[Any] = model.objects.filter(project__in=self._mine(request))
        return found


@admin.register(Inhibition)
class Inhibitions(ProjectAdmin):
    form = InhibitionForm
    list_display = ("__str__", "project", "source_matchers", "target_matchers", "equal", "enabled")
    list_filter = ("project", "enabled")


@admin.register(TimeInterval)
class TimeIntervals(ProjectAdmin):
    form = TimeIntervalForm
    list_display = ("name", "project", "spec")
    list_filter = ("project",)


@admin.register(AlertPolicy)
class Policies(ProjectAdmin):
    form = PolicyForm
    list_display = ("project", "resolve_timeout")


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
        live = list(chosen.filter(ends_at__gt=now))
        for silence in live:
            # one by one: who ended them is kept
            silencing.expire(silence.project_id, str(silence.pk), now=now)
        messages.success(request, _("%(count)d silences ended.") % {"count": len(live)})


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
