"""Boards as people made them: one JSON document each, and every version it ever had."""

from django.db import models


class Dashboard(models.Model):
    """A board of a project. ``document`` is what ``boards.document.Board`` reads; roles say who may look and edit."""

    project = models.ForeignKey("monitor.Project", on_delete=models.CASCADE, related_name="+")
    uid = models.SlugField(max_length=60)
    title = models.CharField(max_length=200)
    document = models.JSONField()
    number = models.PositiveIntegerField(default=1)
    view_role = models.CharField(max_length=10, default="viewer")
    edit_role = models.CharField(max_length=10, default="editor")
    changed_at = models.DateTimeField()
    changed_by = models.CharField(max_length=150)

    class Meta:
        ordering = ["title"]
        constraints = [models.UniqueConstraint(fields=["project", "uid"], name="dashboard_uid_once")]

    def __str__(self) -> str:
        return self.title


class DashboardVersion(models.Model):
    """A board as it stood after one change."""

    dashboard = models.ForeignKey(Dashboard, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    document = models.JSONField()
    at = models.DateTimeField()
    by = models.CharField(max_length=150)
    note = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["dashboard", "number"], name="dashboard_number_once")]

    def __str__(self) -> str:
        return f"{self.dashboard} {self.number}"
