"""Format the operator's log: text for people, JSON for machines, one line an entry whatever is in it.

Payloads, results and messages of tasks are the user's data, and are never logged.
"""

import json
import logging
import sys
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from djangotasks_api.models import DjangoTask, TaskStatus
from djangotasks_api.workflow.records import WorkflowPhase
from djangotasks_operator.telemetry.log_limit import LogLimit
from djangotasks_operator.workflows.views import Workflow

logger = logging.getLogger("djangotasks_operator.transitions")


class LogFormat(StrEnum):
    TEXT = "text"
    JSON = "json"


# The attributes of every record; the others come from `extra`.
STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
# `extra` fields that kopf adds and that do not serialise.
NOT_FIELDS = frozenset({"k8s_ref", "k8s_skip", "settings"})


def configure(log_format: LogFormat, *, verbose: bool) -> None:
    """Log to stderr. Of kopf only warnings: it has a line for each event otherwise."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if log_format is LogFormat.JSON else TextFormatter())
    handler.addFilter(LogLimit())
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)
    logging.getLogger("djangotasks_operator").setLevel(logging.DEBUG if verbose else logging.INFO)
    logging.getLogger("kopf").setLevel(logging.INFO if verbose else logging.WARNING)
    for name in ("kopf.objects", "aiohttp.access"):
        logging.getLogger(name).setLevel(logging.WARNING)


def log_transition(task: DjangoTask, status: TaskStatus) -> None:
    """Log a status that was written, unless only its progress has changed, which may be each second."""
    metadata, attempt, old = task.metadata, len(status.attempts), task.status
    if old.model_copy(update={"progress": status.progress}) == status:
        return
    logger.info(
        "%s/%s: %s -> %s%s, queue %s%s",
        metadata.namespace,
        metadata.name,
        old.phase,
        status.phase,
        f" ({status.reason})" if status.reason else "",
        task.spec.queue,
        f", attempt {attempt}" if attempt else "",
        extra={
            "namespace": metadata.namespace,
            "task": metadata.name,
            "queue": task.spec.queue,
            "attempt": attempt,
            "from_phase": old.phase,
            "phase": status.phase,
            "reason": status.reason,
        },
    )


def plain(text: str) -> str:
    """Escape characters that could end a line or move a cursor, as Python writes them."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


def log_workflow(workflow: Workflow, phase: WorkflowPhase, reason: str | None) -> None:
    """Log a workflow's phase that was written."""
    metadata = workflow.metadata
    logger.info(
        "workflow %s/%s: %s -> %s%s",
        metadata.namespace,
        metadata.name,
        workflow.phase,
        phase,
        f" ({reason})" if reason else "",
        extra={
            "namespace": metadata.namespace,
            "workflow": metadata.name,
            "from_phase": workflow.phase,
            "phase": phase,
            "reason": reason,
        },
    )


class TextFormatter(logging.Formatter):
    """Lines for people. A traceback follows on lines that are marked, so that nothing in it can pass for an entry."""

    def format(self, record: logging.LogRecord) -> str:
        line = f"{_time(record)} {record.levelname} {record.name}: {plain(record.getMessage())}"
        if (trace := self._trace(record)) is None:
            return line
        return "\n".join((line, *(f"  | {plain(part)}" for part in trace.split("\n"))))

    def _trace(self, record: logging.LogRecord) -> str | None:
        return self.formatException(record.exc_info) if record.exc_info and record.exc_info[0] else None


class JsonFormatter(TextFormatter):
    """A JSON object a line. Fields from `extra` are its members."""

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        for name, value in vars(record).items():
            if name not in STANDARD and name not in NOT_FIELDS and name not in entry and value is not None:
                entry[name] = value
        if (trace := self._trace(record)) is not None:
            entry["traceback"] = trace
        # ASCII alone: every control character and separator is escaped.
        return json.dumps(entry, default=str)


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
