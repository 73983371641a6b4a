import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("monitor", "0011_route_tree_inhibitions_times"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="rulegroup",
            name="rule_group_once",
        ),
        migrations.AlterField(
            model_name="rulegroup",
            name="source",
            field=models.CharField(
                blank=True,
                editable=False,
                help_text="The file that owns the group; empty: people do.",
                max_length=500,
            ),
        ),
        migrations.AddConstraint(
            model_name="rulegroup",
            constraint=models.UniqueConstraint(fields=("project", "source", "name"), name="rule_group_once"),
        ),
        migrations.CreateModel(
            name="RuleFile",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("path", models.CharField(max_length=500)),
                ("stamp", models.CharField(max_length=100)),
                ("read_at", models.DateTimeField()),
                ("error", models.TextField(blank=True)),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="rule_files",
                        to="monitor.project",
                    ),
                ),
            ],
            options={
                "ordering": ["project", "path"],
                "constraints": [models.UniqueConstraint(fields=("project", "path"), name="rule_file_once")],
            },
        ),
    ]
