"""Both tables, and one notice."""

from django.db import migrations, models


def post_notice(apps, schema_editor):
    apps.get_model("hunted", "Notice").objects.using(schema_editor.connection.alias).create(text="Quiet, please.")


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Entry",
            fields=[
                ("id", models.BigAutoField(primary_key=True)),
                ("owner", models.CharField(max_length=20, unique=True)),
                ("version", models.IntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="Notice",
            fields=[
                ("id", models.BigAutoField(primary_key=True)),
                ("text", models.CharField(max_length=100)),
            ],
        ),
        migrations.RunPython(post_notice),
    ]
