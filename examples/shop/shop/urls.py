"""The web part's addresses."""

from django.apps import apps
from django.urls import URLPattern, URLResolver, path

from . import live, views

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz/", views.healthz),
    path("orders/<int:order_id>/receipt/", views.order_receipt),
    path("reports/", views.create_report),
    path("results/<slug:result_id>/", views.task_result, name="task_result"),
    path("results/<slug:result_id>/changes/", live.task_changes),
]

if apps.is_installed("django.contrib.admin"):
    from django.contrib import admin

    urlpatterns.append(path("admin/", admin.site.urls))
