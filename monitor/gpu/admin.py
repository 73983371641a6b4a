"""Pollers of GPUs: which project the worker's own cards belong to, and how polling goes."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from monitor.editing.pages import ProjectAdmin, labelled
from monitor.gpu.models import GpuPoller, PollerState

STATES = {
    PollerState.OK.label: "success",
    PollerState.FAILING.label: "danger",
    PollerState.NO_DRIVER.label: "info",
    PollerState.NEVER.label: "info",
}


@admin.register(GpuPoller)
class Pollers(ProjectAdmin):
    list_display = ("host", "project", "state_shown", "cards", "enabled", "last_ok", "last_error")
    list_filter = ("project", "state")
    fields = (
        "project",
        "host",
        "enabled",
        "state",
        "cards",
        "checked_at",
        "last_ok",
        "last_error",
        "last_duration",
    )
    readonly_fields = ("state", "cards", "checked_at", "last_ok", "last_error", "last_duration")

    @labelled(_("State"), STATES)
    def state_shown(self, row: GpuPoller) -> str:
        return PollerState(row.state).label
