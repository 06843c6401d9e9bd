"""E-mails to customers."""

from django.core.mail import send_mail
from django.db import transaction
from django.tasks import task
from django.template.loader import render_to_string
from django.utils import timezone

from .models import Order


@task(queue_name="mail")
def send_receipt(order_id: int) -> str:
    """Sends an order's receipt, once.

    A task may run again, after a lost node or an error, so the order remembers that its receipt was sent,
    and is locked until then. The customer's address stays out of the result, which administrators see.
    """
    with transaction.atomic():
        order = Order.objects.select_for_update().get(pk=order_id)
        if order.receipt_sent_at is not None:
            return f"receipt of {order.number} was sent before"
        body = render_to_string("shop/receipt.txt", {"order": order})
        send_mail(f"Your order {order.number}", body, None, [order.email])
        order.receipt_sent_at = timezone.now()
        order.save(update_fields=["receipt_sent_at"])
    return f"receipt of {order.number} sent"
