"""python manage.py demo_results ID…: what get_result() says of each, as JSON."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.core.serializers.json import DjangoJSONEncoder
from django.tasks import default_task_backend

from ...results import as_json


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("ids", nargs="+", metavar="ID")

    def handle(self, *args: Any, ids: list[str], **options: Any) -> None:
        results = [as_json(default_task_backend.get_result(result_id)) for result_id in ids]
        self.stdout.write(json.dumps(results, cls=DjangoJSONEncoder, indent=2, ensure_ascii=False))
