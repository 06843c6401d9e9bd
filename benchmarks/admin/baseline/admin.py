"""Django's own list of it, with as many columns, filters and rows a page as that of tasks."""

from typing import TYPE_CHECKING

from django.contrib import admin

from benchmarks.admin.baseline.models import Row

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Row]
else:
    ModelAdmin = admin.ModelAdmin


@admin.register(Row)
class RowAdmin(ModelAdmin):
    list_display = (
        "task", "queue", "phase", "progress", "reason", "attempts", "enqueued_at", "started_at", "finished_at", "id",
    )  # fmt: skip
    list_filter = ("phase", "queue", "task", "reason")
    search_fields = ("id",)
    list_per_page = 50
    show_full_result_count = False
