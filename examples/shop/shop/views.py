"""The web part: it enqueues and returns at once, with the id to ask for the result."""

from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, JsonResponse
from django.shortcuts import get_object_or_404
from django.tasks import TaskResult, default_task_backend
from django.tasks.exceptions import TaskResultDoesNotExist
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from .mail import send_receipt
from .models import Order, Report
from .reports import build_report
from .results import as_json


@require_GET
def healthz(request: HttpRequest) -> HttpResponse:
    """Says that the process answers; the database's health is not this pod's."""
    return HttpResponse("ok")


@require_POST
def order_receipt(request: HttpRequest, order_id: int) -> HttpResponse:
    order = get_object_or_404(Order, pk=order_id)
    return _accepted(send_receipt.enqueue(order.pk))


@require_POST
def create_report(request: HttpRequest) -> HttpResponse:
    """Takes the CSV as the form's file `orders`."""
    orders = request.FILES.get("orders")
    if not isinstance(orders, UploadedFile):
        return HttpResponseBadRequest("send a CSV as the form's file `orders`")
    report = Report.objects.create(source=orders)
    return _accepted(build_report.enqueue(report.pk))


@require_GET
def task_result(request: HttpRequest, result_id: str) -> HttpResponse:
    try:
        return JsonResponse(as_json(default_task_backend.get_result(result_id)))
    except TaskResultDoesNotExist:
        return JsonResponse({"error": "no such result"}, status=404)


def _accepted(result: "TaskResult[..., Any]") -> HttpResponse:
    url = reverse("task_result", args=[result.id])
    return JsonResponse({"id": result.id, "result": url}, status=202, headers={"Location": url})
