"""What people do with ends of tasks that receivers failed on."""

from django.utils.translation import gettext_lazy as _

from django_tasks_kubernetes.admin.row_actions import RowAction
from django_tasks_kubernetes.notify import inbox


class Again(RowAction):
    name = "again"
    permission = "change_taskend"
    label = _("Call receivers again")
    question = _("Call the receivers of these ends again?")
    button = _("Yes, call them")
    consequence = _("manage.py watch_tasks calls those that raised within some seconds, and has ten tries again.")
    done = _("Receivers are called again.")

    def run(self, pk: str, using: str) -> bool:
        return inbox.requeue(pk, using)


class Discard(RowAction):
    name = "discard"
    permission = "delete_taskend"
    label = _("Call no more receivers")
    question = _("Call no more receivers for these ends?")
    button = _("Yes, leave it at that")
    consequence = _("What the receivers were to do for these ends is not done.")
    done = _("No more receivers are called.")

    def run(self, pk: str, using: str) -> bool:
        return inbox.discard(pk, using)
