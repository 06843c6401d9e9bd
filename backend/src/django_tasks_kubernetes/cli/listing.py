"""list: the newest tasks. They are chosen by tables of the API server, which are small whatever tasks carry."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from django.tasks.exceptions import TaskResultDoesNotExist

from django_tasks_kubernetes.cli.output import OutputFormat
from django_tasks_kubernetes.cli.session import Code, Session
from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.presentation import records, rows
from django_tasks_kubernetes.presentation.filters import Filter
from django_tasks_kubernetes.presentation.newest import Newest, newest
from django_tasks_kubernetes.presentation.rows import Row
from django_tasks_kubernetes.presentation.tables import Page, page_of

# So many are read one by one, rather than with all others.
SINGLE_READS_MAX: Final = 200
WHOLE: Final = (OutputFormat.JSON, OutputFormat.WIDE)


def list_tasks(session: Session, which: Filter) -> int:
    """Writes the newest tasks that match, the newest first."""
    output = session.output
    whole = output.format in WHOLE
    if whole and (output.namespaces or not 0 < which.limit <= SINGLE_READS_MAX):
        found = None
    else:
        found = _newest(session, which)
    resources: list[Resource] = []
    if found is None:
        resources, number = which.newest(session.tasks.find(which.selector))
        found = Newest(rows=[rows.row(resource) for resource in resources], matching=number)
    elif whole:
        resources = list(_read(session, found.rows))
    _write(session, found.rows, resources)
    if not found.rows:
        output.none("No tasks")
    elif found.matching is None:
        output.note(f"The newest {len(found.rows):,}. There are more: --limit 0 shows all.")
    elif found.matching > len(found.rows):
        output.note(f"The newest {len(found.rows):,} of {found.matching:,}. --limit 0 shows all.")
    return Code.OK


def _newest(session: Session, which: Filter) -> Newest | None:
    client = session.client

    def read(*, fields: str, labels: str, limit: int, token: str | None) -> Page | None:
        answer = client.table_page(fields=fields, labels=labels, limit=limit, token=token)
        return page_of(answer, client.namespace, datetime.now(UTC))

    return newest(which, read, namespaces=session.output.namespaces)


def _read(session: Session, found: Iterable[Row]) -> Iterable[Resource]:
    for row in found:
        try:
            yield session.tasks.get(row.id)
        except TaskResultDoesNotExist:
            continue  # It was deleted meanwhile.


def _write(session: Session, found: list[Row], resources: list[Resource]) -> None:
    output, now = session.output, datetime.now(UTC)
    match output.format:
        case OutputFormat.JSON:
            for resource in resources:
                output.object(records.record(resource))
        case OutputFormat.NAME:
            for row in found:
                output.name(row)
        case OutputFormat.WIDE:
            shown = (rows.columns(rows.row(one), now, wide=True, namespaces=output.namespaces) for one in resources)
            output.renderer.table(shown, wide=True)
        case OutputFormat.TABLE:
            shown = (rows.columns(row, now, wide=False, namespaces=output.namespaces) for row in found)
            output.renderer.table(shown, wide=False)
