"""What people do with rows of the outbox."""

from django.utils.translation import gettext_lazy as _

from django_tasks_kubernetes import relay
from django_tasks_kubernetes.admin.row_actions import RowAction


class Send(RowAction):
    """In this process, with the web app's rights: so it shows what is wrong, also where no relay runs."""

    name = "send"
    permission = "change_outboxtask"
    label = _("Send now")
    question = _("Send these tasks now?")
    button = _("Yes, send")
    consequence = _("Each is sent to the cluster at once. One that is refused stays, with the reason.")
    done = _("Sent.")

    def run(self, pk: str, using: str) -> bool:
        return relay.send_now(pk, using, lambda backend: backend.page_store)


class Discard(RowAction):
    name = "discard"
    permission = "delete_outboxtask"
    label = _("Discard")
    question = _("Discard these tasks?")
    button = _("Yes, discard")
    consequence = _(
        "They are lost: the cluster never gets them, and who waits for their results learns that there are none."
    )
    done = _("Discarded.")
    deletes = True

    def run(self, pk: str, using: str) -> bool:
        return relay.discard(pk, using)
