"""Projects come and go: a deleted one is gone from every page at once, its rows are removed later."""

import datetime as dt

from monitor.store.models import Project
from monitor.store.upkeep import retention


def delete(project_id: int, now: dt.datetime) -> bool:
    """Mark the project as deleted; whether it was alive. Keys stop working and pages close with this commit."""
    project = Project.objects.filter(pk=project_id, deleted_at=None).first()
    if project is not None:
        retention.mark_deleted(project, now=now)
    return project is not None
