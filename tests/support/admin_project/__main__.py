"""python -m tests.support.admin_project: makes the database, and the people in it."""

import django
from django.core.management import call_command

from tests.support.admin_project.people import PASSWORD, PEOPLE

django.setup()

from django.contrib.auth.models import Permission, User  # noqa: E402 - models need the settings

call_command("migrate", verbosity=0)
for name, permissions in PEOPLE.items():
    user = User.objects.create_user(name, password=PASSWORD, is_staff=True, is_superuser=permissions is None)
    if permissions:
        user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
