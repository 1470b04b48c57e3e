"""Note what was accepted of policies that act as they are."""

from django.db import migrations
from django.db.models import F

FIELDS = [
    "action", "clock", "disk_high_percent", "disk_low_percent", "glob", "keep_newest",
    "limit_bytes", "limit_items", "limit_percent", "max_age_seconds", "max_total_bytes", "path",
    "recursive", "scope", "target",
]


def fill(apps, schema_editor):
    rows = apps.get_model("retention", "RetentionPolicy").objects
    for policy in rows.filter(accepted_version=F("version"), accepted_rules={}):
        policy.accepted_rules = {name: getattr(policy, name) for name in FIELDS}
        policy.save(update_fields=["accepted_rules"])


class Migration(migrations.Migration):

    dependencies = [("retention", "0004_accepted_rules")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
