"""Ship the source rules: what happens to an original when processing ends."""

from datetime import timedelta

from django.db import migrations

SHIPPED = {
    "processing_succeeded": {"action": "delete", "cut_seconds": 30, "cut_percent": 5},
    "processing_cancelled": {"action": "delete"},
    "processing_failed": {"action": "delay", "delay": timedelta(hours=24)},
}


def ship(apps, schema_editor):
    """Make the rules that are missing."""
    for event, values in SHIPPED.items():
        apps.get_model("recordings", "SourceRule").objects.get_or_create(
            event=event, defaults=values
        )


class Migration(migrations.Migration):
    dependencies = [("recordings", "0002_closure")]

    operations = [migrations.RunPython(ship, migrations.RunPython.noop)]
