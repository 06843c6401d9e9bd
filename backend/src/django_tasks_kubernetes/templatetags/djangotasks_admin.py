"""What the templates of the admin's pages need: nonces, live parts, times.

A project without the admin imports this too, with its first template: so the admin is imported where it is used.
"""

from datetime import datetime
from functools import lru_cache
from typing import Any

from django import template
from django.template import Context, Engine, Template
from django.template.loader import get_template
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

register = template.Library()
PARTS = "admin/django_tasks_kubernetes/parts"
# Libraries of tags, and the one that makes the rows of a list: unfold's, and Django's.
LISTS = (("unfold_list", "unfold_result_list"), ("admin_list", "result_list"))


@register.simple_tag(takes_context=True)
def nonce(context: Context) -> str:
    """The attribute for a Content Security Policy with nonces, where the project has one: Django 6.1 has such a tag,
    and Django 6.0 has not."""
    found = context.get("csp_nonce")
    # One that nothing has asked for yet is false, and is made when it is written.
    return "" if found is None else format_html('nonce="{}"', found)


@register.simple_tag(takes_context=True)
def live(context: Context, name: str, every: int) -> SafeString:
    """The part of that name, which live.js asks for again each so many seconds."""
    text = get_template(f"{PARTS}/{name}.html").template.render(context)  # type: ignore[attr-defined]
    return format_html('<div data-live="{}" data-every="{}">{}</div>', name, every, mark_safe(text))  # noqa: S308


@register.simple_tag(takes_context=True)
def rows(context: Context, cl: Any) -> SafeString:
    """The rows of a list, by the tag of the theme where that has its own: its script needs what it makes."""
    return _rows_template(context.template.engine).render(context)  # type: ignore[union-attr]


@lru_cache(maxsize=8)
def _rows_template(engine: Engine) -> Template:
    library, tag = next(pair for pair in LISTS if pair[0] in engine.template_libraries)
    return engine.from_string(f"{{% load {library} %}}{{% {tag} cl %}}")


@register.filter
def ago(at: datetime | None) -> str:
    """How long ago it was."""
    from django_tasks_kubernetes.admin import cells

    return cells.ago(at)


@register.filter
def moment(at: datetime | None) -> str:
    """The time in the reader's zone."""
    from django_tasks_kubernetes.admin import cells

    return cells.moment(at) if at is not None else "–"


@register.filter
def phase(text: Any) -> str:
    from django_tasks_kubernetes.admin import cells

    return cells.phase(str(text))


@register.filter
def progress(text: Any) -> str:
    from django_tasks_kubernetes.admin import cells

    return cells.progress(str(text))


@register.filter
def waited(row: Any) -> str:
    from django_tasks_kubernetes.admin import cells

    return cells.waited(row)


@register.filter
def ran(row: Any) -> str:
    from django_tasks_kubernetes.admin import cells

    return cells.ran(row)


@register.filter
def short_id(name: Any) -> str:
    from django_tasks_kubernetes.admin import cells

    return cells.short_id(str(name))


@register.filter
def cause(row: Any) -> str:
    """Why a task failed, of its row or of several like it."""
    from django_tasks_kubernetes.admin import cells

    return cells.reason(row.reason, row.exception)


@register.filter
def grouped(number: Any) -> str:
    """A large number as people read it."""
    from django_tasks_kubernetes.admin import cells

    return cells.grouped(number)


@register.filter
def symbol(phase: Any) -> str:
    """One sign for a phase."""
    from django_tasks_kubernetes.admin import cells

    return cells.SYMBOLS.get(str(phase), "•")
