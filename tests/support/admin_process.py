"""A web process with the admin, whose pages a story asks for, as a superuser.

    python -m tests.support.admin_process

Reads lines of JSON, [METHOD, PATH, FORM], and answers each with a line: [STATUS, ADDRESS, TEXT].
"""

import json
import sys
from typing import Any

import django


def main() -> None:
    django.setup()
    from django.contrib.auth.models import User
    from django.test import Client

    user, _ = User.objects.get_or_create(username="jane", is_staff=True, is_superuser=True)
    client = Client()
    client.force_login(user)
    for line in sys.stdin:
        method, path, form = json.loads(line)
        response: Any = getattr(client, method.lower())(path, form, follow=True)
        address = response.redirect_chain[-1][0] if response.redirect_chain else path
        print(json.dumps([response.status_code, address, response.text]), flush=True)


if __name__ == "__main__":
    main()
