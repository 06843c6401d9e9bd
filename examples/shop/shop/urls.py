"""The web part's addresses."""

from django.urls import path

from . import live, views

urlpatterns = [
    path("healthz/", views.healthz),
    path("orders/<int:order_id>/receipt/", views.order_receipt),
    path("reports/", views.create_report),
    path("results/<slug:result_id>/", views.task_result, name="task_result"),
    path("results/<slug:result_id>/changes/", live.task_changes),
]
