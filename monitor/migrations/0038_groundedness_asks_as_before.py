"""Judges of groundedness that nobody told whom to ask about go on asking about every call: their marks stay comparable."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def as_before(apps: Apps, _editor: BaseDatabaseSchemaEditor) -> None:
    for judge in apps.get_model("monitor", "Judge").objects.filter(kind="groundedness"):
        if judge.settings.get("ask") in (None, ""):
            judge.settings = {**judge.settings, "ask": "always"}
            judge.save(update_fields=["settings"])


class Migration(migrations.Migration):
    dependencies = [("monitor", "0037_false_pages_a_month")]

    operations = [migrations.RunPython(as_before, migrations.RunPython.noop, elidable=True)]
