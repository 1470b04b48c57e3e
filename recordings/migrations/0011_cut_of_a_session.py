from django.db import migrations, models


class Migration(migrations.Migration):
    """Sessions, too, say which cut their times are for."""

    dependencies = [
        ('recordings', '0010_captions_of_a_cut'),
    ]

    operations = [
        migrations.RenameField('recordingfile', 'made_for', 'cut_length'),
        migrations.AddField(
            model_name='editingsession',
            name='cut_length',
            field=models.FloatField(null=True),
        ),
    ]
