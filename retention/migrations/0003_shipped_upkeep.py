"""The policies of upkeep that a site starts with, accepted; two of them wait to be turned on."""

from django.db import migrations

HOUR = 60 * 60
DAY = 24 * HOUR
POLICIES = [
    {
        "slug": "uploads",
        "name": "Abandoned uploads",
        "target": "uploads",
        "clock": "modified",
        "max_age_seconds": DAY,
        "crontab": "0 */6 * * *",
        "at_startup": True,
    },
    {
        "slug": "sessions",
        "name": "Idle editing sessions",
        "target": "sessions",
        "clock": "modified",
        "max_age_seconds": DAY,
        "crontab": "0 */6 * * *",
        "at_startup": True,
    },
    {
        "slug": "finals",
        "name": "Rendered videos after their day",
        "target": "finals",
        "clock": "processed",
        "max_age_seconds": DAY,
        "crontab": "0 * * * *",
    },
    {
        "slug": "orphans",
        "name": "Files that no row knows",
        "target": "orphans",
        "clock": "modified",
        "max_age_seconds": DAY,
        "crontab": "30 3 * * *",
    },
    {
        "slug": "quarantine",
        "name": "Quarantine whose time is over",
        "target": "quarantine",
        "clock": "modified",
        "max_age_seconds": 30 * DAY,
        "crontab": "45 3 * * *",
    },
    {
        "slug": "transcripts",
        "name": "Former versions of transcripts",
        "target": "transcripts",
        "clock": "modified",
        "max_age_seconds": 30 * DAY,
        "crontab": "0 4 * * 0",
    },
    {
        "slug": "logs",
        "name": "Old maintenance logs",
        "target": "logs",
        "clock": "modified",
        "max_age_seconds": 30 * DAY,
        "crontab": "30 4 * * 0",
    },
    {
        "slug": "django-sessions",
        "name": "Expired sign-ins",
        "target": "django_sessions",
        "clock": "expire_at",
        "max_age_seconds": 0,
        "crontab": "0 5 * * 0",
    },
    {
        "slug": "database",
        "name": "The database in shape",
        "target": "database",
        "clock": "modified",
        "max_age_seconds": 0,
        "crontab": "0 3 * * 0",
    },
    {
        "slug": "run-history",
        "name": "Old runs of policies",
        "target": "run_history",
        "clock": "processed",
        "max_age_seconds": 365 * DAY,
        "crontab": "30 5 * * 0",
    },
    {
        "slug": "marked-images",
        "name": "Marked images",
        "target": "directory",
        "clock": "modified",
        "max_age_seconds": DAY,
        "path": "managed/marked_images",
        "crontab": "0 2 * * *",
        "enabled": False,
    },
    {
        "slug": "cache",
        "name": "The cache, emptied",
        "target": "cache",
        "clock": "modified",
        "max_age_seconds": 0,
        "crontab": "0 4 1 * *",
        "enabled": False,
    },
]


def install(apps, schema_editor):
    """A policy that an administrator has made under one of these slugs stays his."""
    RetentionPolicy = apps.get_model("retention", "RetentionPolicy")
    for policy in POLICIES:
        RetentionPolicy.objects.get_or_create(
            slug=policy["slug"],
            defaults={
                **policy,
                "action": "delete",
                "shipped": True,
                "accepted_version": 1,
                "accepted_by": "install",
            },
        )


def remove(apps, schema_editor):
    slugs = [policy["slug"] for policy in POLICIES]
    rows = apps.get_model("retention", "RetentionPolicy").objects
    rows.filter(slug__in=slugs, shipped=True).delete()


class Migration(migrations.Migration):

    dependencies = [("retention", "0002_shipped")]

    operations = [migrations.RunPython(install, remove)]
