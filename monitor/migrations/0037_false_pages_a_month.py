"""False pages are counted by the month and for a whole project; sums of marks are told by the judge's epoch."""

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def by_the_month(apps: Apps, _editor: BaseDatabaseSchemaEditor) -> None:
    apps.get_model("monitor", "DriftPolicy").objects.update(
        false_pages_per_month=models.F("false_pages_per_month") / 3.0
    )
    apps.get_model("monitor", "DriftSketch").objects.filter(part="scores").delete()


class Migration(migrations.Migration):
    dependencies = [("monitor", "0036_release_looks")]

    operations = [
        migrations.RemoveConstraint(model_name="driftpolicy", name="drift_false_pages_bearable"),
        migrations.RenameField(
            model_name="driftpolicy", old_name="false_pages_per_quarter", new_name="false_pages_per_month"
        ),
        migrations.AlterField(
            model_name="driftpolicy",
            name="false_pages_per_month",
            field=models.FloatField(
                default=0.33,
                help_text="How many false pages a month are bearable in the whole project: all signals of all versions and all watches share them. 0.33: one in three months.",
            ),
        ),
        migrations.RunPython(by_the_month, migrations.RunPython.noop, elidable=True),
        migrations.AddConstraint(
            model_name="driftpolicy",
            constraint=models.CheckConstraint(
                condition=models.Q(("false_pages_per_month__gt", 0), ("false_pages_per_month__lte", 30)),
                name="drift_false_pages_bearable",
            ),
        ),
    ]
