"""What drift wrote about texts that are to be forgotten."""

from monitor.drift.models import DriftSketch


def forget(project_id: int) -> int:
    """Words and examples that explain a drift go, of all calls: nobody knows whose they were. How many rows."""
    return DriftSketch.objects.filter(project_id=project_id, part__startswith="why ").delete()[0]
