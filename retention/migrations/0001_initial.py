"""The tables of retention."""

import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
import retention.models
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='RetentionPolicy',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slug', models.SlugField(blank=True, max_length=80, unique=True)),
                ('name', models.CharField(max_length=200)),
                ('target', models.CharField(max_length=32)),
                ('enabled', models.BooleanField(default=True)),
                ('clock', models.CharField(blank=True, choices=[('uploaded', 'upload'), ('recorded', 'recording date'), ('processed', 'end of processing'), ('watched', 'last time watched'), ('trashed', 'move to the trash'), ('modified', 'last change'), ('expire_at', 'date set on the recording')], help_text="Empty: the target's usual one.", max_length=12)),
                ('max_age_seconds', models.BigIntegerField(blank=True, help_text='Older than this, in seconds; 0 means everything.', null=True, validators=[django.core.validators.MinValueValidator(0), django.core.validators.MaxValueValidator(3153600000)])),
                ('keep_newest', models.PositiveIntegerField(blank=True, null=True)),
                ('max_total_bytes', models.BigIntegerField(blank=True, null=True, validators=[django.core.validators.MinValueValidator(0)])),
                ('disk_high_percent', models.PositiveSmallIntegerField(blank=True, null=True)),
                ('disk_low_percent', models.PositiveSmallIntegerField(blank=True, null=True)),
                ('scope', models.JSONField(blank=True, default=retention.models.everyone)),
                ('action', models.CharField(choices=[('report', 'report only'), ('trash', 'move to the trash'), ('delete', 'delete for ever'), ('archive', 'archive, then delete')], max_length=8)),
                ('path', models.CharField(blank=True, max_length=500)),
                ('glob', models.CharField(blank=True, max_length=200)),
                ('recursive', models.BooleanField(default=False)),
                ('crontab', models.CharField(blank=True, help_text='Minute, hour, day of month, month, day of week: “0 2 * * *” is every day at 02:00. Days of month and week must both fit.', max_length=200)),
                ('timezone', models.CharField(default=retention.models.default_timezone, max_length=64, verbose_name='time zone')),
                ('every_seconds', models.PositiveIntegerField(blank=True, help_text='Instead of a crontab.', null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(31622400)])),
                ('at_startup', models.BooleanField(default=False, help_text='Also once whenever the scheduler starts.', verbose_name='at start-up')),
                ('backup_first', models.BooleanField(default=False)),
                ('limit_items', models.PositiveBigIntegerField(blank=True, help_text='A run over this waits for approval.', null=True)),
                ('limit_bytes', models.PositiveBigIntegerField(blank=True, help_text='A run over this waits for approval.', null=True)),
                ('limit_percent', models.PositiveSmallIntegerField(blank=True, help_text='Of all in the scope, from 100 items up; a run over this waits for approval.', null=True, validators=[django.core.validators.MaxValueValidator(100)])),
                ('shipped', models.BooleanField(default=False, editable=False)),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('accepted_version', models.PositiveIntegerField(editable=False, null=True)),
                ('accepted_by', models.CharField(blank=True, editable=False, max_length=150)),
                ('accepted_at', models.DateTimeField(editable=False, null=True)),
                ('next_due_at', models.DateTimeField(editable=False, null=True)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
            ],
            options={
                'verbose_name': 'retention policy',
                'verbose_name_plural': 'retention policies',
                'ordering': ['name', 'id'],
                'permissions': [('administer', "Can administer retention and see everyone's recordings")],
                'indexes': [models.Index(condition=models.Q(('next_due_at__isnull', False)), fields=['next_due_at'], name='policy_next_due')],
                'constraints': [models.CheckConstraint(condition=models.Q(('max_age_seconds__isnull', False), ('keep_newest__isnull', False), ('max_total_bytes__isnull', False), ('disk_high_percent__isnull', False), _connector='OR'), name='policy_has_a_rule'), models.CheckConstraint(condition=models.Q(('max_age_seconds', None), models.Q(('max_age_seconds__gte', 0), ('max_age_seconds__lte', 3153600000)), _connector='OR'), name='policy_age_in_bounds'), models.CheckConstraint(condition=models.Q(('max_total_bytes', None), ('max_total_bytes__gte', 0), _connector='OR'), name='policy_total_not_negative'), models.CheckConstraint(condition=models.Q(models.Q(('disk_high_percent', None), ('disk_low_percent', None)), models.Q(('disk_high_percent__isnull', False), ('disk_high_percent__lte', 100), ('disk_low_percent__isnull', False), ('disk_low_percent__lt', models.F('disk_high_percent'))), _connector='OR'), name='policy_disk_marks_in_order'), models.CheckConstraint(condition=models.Q(('crontab', ''), ('every_seconds', None), _connector='OR'), name='policy_one_schedule'), models.CheckConstraint(condition=models.Q(('every_seconds', None), ('every_seconds__gte', 1), _connector='OR'), name='policy_interval_positive'), models.CheckConstraint(condition=models.Q(('action__in', ['report', 'trash', 'delete', 'archive'])), name='policy_action_is_known'), models.CheckConstraint(condition=models.Q(('slug', ''), _negated=True), name='policy_has_a_slug'), models.CheckConstraint(condition=models.Q(('accepted_version', None), ('accepted_version__lte', models.F('version')), _connector='OR'), name='policy_accepted_is_no_future_version')],
            },
        ),
        migrations.CreateModel(
            name='RetentionRun',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('policy_slug', models.CharField(max_length=80)),
                ('policy_version', models.PositiveIntegerField()),
                ('mode', models.CharField(choices=[('plan', 'preview'), ('execute', 'run')], max_length=8)),
                ('state', models.CharField(choices=[('queued', 'queued'), ('running', 'running'), ('planned', 'planned'), ('waiting', 'waits for approval'), ('succeeded', 'succeeded'), ('partial', 'done in part'), ('refused', 'refused'), ('failed', 'failed'), ('cancelled', 'cancelled'), ('undone', 'undone')], default='queued', max_length=10)),
                ('started_by', models.CharField(max_length=150)),
                ('approved_by', models.CharField(blank=True, max_length=150)),
                ('matched', models.PositiveBigIntegerField(default=0)),
                ('deleted', models.PositiveBigIntegerField(default=0)),
                ('skipped', models.PositiveBigIntegerField(default=0)),
                ('failed', models.PositiveBigIntegerField(default=0)),
                ('bytes_matched', models.PositiveBigIntegerField(default=0)),
                ('bytes_freed', models.PositiveBigIntegerField(default=0)),
                ('message', models.TextField(blank=True)),
                ('claim', models.UUIDField(null=True)),
                ('claimed_by', models.CharField(blank=True, max_length=255)),
                ('lease_until', models.DateTimeField(null=True)),
                ('cancel_requested_at', models.DateTimeField(null=True)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('started_at', models.DateTimeField(null=True)),
                ('planned_at', models.DateTimeField(null=True)),
                ('finished_at', models.DateTimeField(null=True)),
                ('policy', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='runs', to='retention.retentionpolicy')),
            ],
            options={
                'verbose_name': 'run',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='RetentionSwitch',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('paused_at', models.DateTimeField(null=True)),
                ('paused_by', models.CharField(blank=True, max_length=150)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('pk', 1)), name='switch_is_one_row')],
            },
        ),
        migrations.CreateModel(
            name='RunItem',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(max_length=32)),
                ('row_id', models.BigIntegerField(null=True)),
                ('name', models.CharField(max_length=512)),
                ('recording_id', models.BigIntegerField(null=True)),
                ('owner_id', models.BigIntegerField(null=True)),
                ('size', models.BigIntegerField(default=0)),
                ('reason', models.CharField(blank=True, max_length=500)),
                ('outcome', models.CharField(choices=[('would', 'would go'), ('deleted', 'deleted'), ('trashed', 'in the trash'), ('skipped', 'skipped'), ('failed', 'failed')], max_length=8)),
                ('detail', models.TextField(blank=True)),
                ('run', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='items', to='retention.retentionrun')),
            ],
        ),
        migrations.AddIndex(
            model_name='retentionrun',
            index=models.Index(condition=models.Q(('state__in', ('queued', 'running'))), fields=['state', 'lease_until'], name='run_open'),
        ),
        migrations.AddIndex(
            model_name='retentionrun',
            index=models.Index(fields=['policy', '-id'], name='run_of_policy'),
        ),
        migrations.AddConstraint(
            model_name='retentionrun',
            constraint=models.UniqueConstraint(condition=models.Q(('state__in', ('queued', 'running'))), fields=('policy',), name='run_one_open_per_policy'),
        ),
        migrations.AddIndex(
            model_name='runitem',
            index=models.Index(fields=['run', 'outcome', 'id'], name='run_item_outcome'),
        ),
    ]
