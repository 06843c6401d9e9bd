"""The addresses of the admin."""

from django.contrib import admin
from django.contrib.auth.models import User
from django.urls import path

# One of Django's own lists, with all that those of tasks have: what axe finds in it, it may find in them.
type(admin.site.get_model_admin(User)).search_help_text = "A name or an address"

urlpatterns = [path("admin/", admin.site.urls)]
