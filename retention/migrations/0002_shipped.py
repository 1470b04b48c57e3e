"""What a new site starts with: policies, accepted, and the group of administrators."""

from django.db import migrations

DAY = 24 * 60 * 60
POLICIES = [
    {
        "slug": "scratch",
        "name": "Scratch that crashes left",
        "target": "scratch",
        "clock": "modified",
        "max_age_seconds": DAY,
        "action": "delete",
        "crontab": "0 * * * *",
    },
    {
        "slug": "expired",
        "name": "Recordings past their own date",
        "target": "recordings",
        "clock": "expire_at",
        "max_age_seconds": 0,
        "action": "trash",
        "crontab": "0 2 * * *",
    },
    {
        "slug": "trash",
        "name": "Trash whose time is over",
        "target": "trash",
        "clock": "trashed",
        "max_age_seconds": 30 * DAY,
        "action": "delete",
        "crontab": "0 3 * * *",
    },
    {
        "slug": "jobs",
        "name": "Finished jobs",
        "target": "jobs",
        "clock": "processed",
        "max_age_seconds": 7 * DAY,
        "action": "delete",
        "crontab": "0 */6 * * *",
    },
]
GROUP = "Media administrators"


def install(apps, schema_editor):
    RetentionPolicy = apps.get_model("retention", "RetentionPolicy")
    for policy in POLICIES:
        RetentionPolicy.objects.get_or_create(
            slug=policy["slug"],
            defaults={**policy, "shipped": True, "accepted_version": 1, "accepted_by": "install"},
        )
    apps.get_model("retention", "RetentionSwitch").objects.get_or_create(pk=1)
    make_group(apps)


def make_group(apps):
    # Django makes permissions after all migrations, which is too late for us.
    ContentType = apps.get_model("contenttypes", "ContentType")
    kind, _ = ContentType.objects.get_or_create(app_label="retention", model="retentionpolicy")
    permission, _ = apps.get_model("auth", "Permission").objects.get_or_create(
        content_type=kind,
        codename="administer",
        defaults={"name": "Can administer retention and see everyone's recordings"},
    )
    group, _ = apps.get_model("auth", "Group").objects.get_or_create(name=GROUP)
    group.permissions.add(permission)


def remove(apps, schema_editor):
    """Take back what is as it came; what an administrator made of it goes with the tables."""
    slugs = [policy["slug"] for policy in POLICIES]
    apps.get_model("retention", "RetentionPolicy").objects.filter(slug__in=slugs).delete()
    apps.get_model("auth", "Group").objects.filter(name=GROUP).delete()


class Migration(migrations.Migration):

    dependencies = [
        ("retention", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(install, remove)]
