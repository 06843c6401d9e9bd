"""What a person sees of the resources with kubectl."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

from djangotasks_api.models import DjangoTask, DjangoTaskHold, DjangoTaskQueue, DjangoTaskSchedule, DjangoTaskWorkflow
from djangotasks_api.models.base import Metadata, Model
from tests.contract.server import Server, queue, schedule
from tools.kubectl import Kubectl, StepFailed

FINISHED = {
    "phase": "Failed",
    "reason": "TaskError",
    "startedAt": "2026-11-23T12:00:00Z",
    "finishedAt": "2026-11-23T12:00:05Z",
    "attempts": [
        {"number": 1, "job": "receipt-1", "pod": "receipt-1"},
        {"number": 2, "job": "receipt-2", "pod": "receipt-2", "error": {"type": "shop.Declined", "traceback": "…"}},
    ],
    "conditions": [{"type": "Failed", "status": "True", "lastTransitionTime": "2026-11-23T12:00:05Z"}],
}
SPEC = """
  payload	<string>
    The arguments as JSON text: {"args": [...], "kwargs": {...}}. Text keeps
    large numbers exact.

  payloadEncoding	<string>
  enum: zlib+base64
    How the payload is compressed and encoded. Default: not at all.

  payloadRef	<Object>
    The file that holds the payload instead, when it is too long for the
    resource.

  policy	<Object>
    Attempts, timeouts and how long the result is kept. Unset fields take the
    queue's values.

  priority	<integer>
    Tasks that wait in a queue start in order of priority, the highest first.

  queue	<string>
    The DjangoTaskQueue that defines how it runs.

  retryOf	<string>
    The finished task that this one repeats.

  runAfter	<string>
    Not started before this time.

  schedule	<string>
    The DjangoTaskSchedule that it was created by, or for.

  scheduledFor	<string>
    The time of that schedule that it was created for, also when it was created
    late.

  task	<string> -required-
    The dotted path of the Django task, such as shop.tasks.send_receipt.

"""


def paths(model: type[Model], prefix: str) -> Iterator[str]:
    """Every field of a model, and of the models in it, as kubectl explain names it."""
    for name, field in model.model_fields.items():
        path = f"{prefix}.{field.alias or name}"
        parts = re.findall(r"[A-Za-z_.]+", str(field.annotation))
        yield path
        for part in parts:
            if isinstance(inner := MODELS.get(part.rpartition(".")[2]), type) and inner is not Metadata:
                yield from paths(inner, path)


def _models(model: type[Model]) -> Iterator[type[Model]]:
    yield model
    for sub in model.__subclasses__():
        yield from _models(sub)


MODELS = {model.__name__: model for model in _models(Model)}
FIELDS = [
    *paths(DjangoTask, "djangotask"),
    *paths(DjangoTaskQueue, "djangotaskqueue"),
    *paths(DjangoTaskHold, "djangotaskhold"),
    *paths(DjangoTaskSchedule, "djangotaskschedule"),
    *paths(DjangoTaskWorkflow, "djangotaskworkflow"),
]


def test_every_field_of_the_models_is_found() -> None:
    assert {"djangotask.status.attempts.error.traceback", "djangotask.spec.policy.backoff.factor",
            "djangotaskqueue.spec.podTemplateFrom.deployment"} <= set(FIELDS)  # fmt: skip


def test_explain_reads_well(kubectl: Kubectl) -> None:
    text = kubectl("explain", "djangotask.spec")
    assert "What to run. Immutable, but for `cancel` and `cancelReason`." in text
    assert SPEC in text
    assert "Exactly one of template and podTemplateFrom." in kubectl("explain", "djangotaskqueue.spec")
    assert "One Django task: enqueued by the web app" in kubectl("explain", "dt")


@pytest.mark.parametrize("path", [path for path in FIELDS if not path.endswith(".metadata")])
def test_every_field_is_explained_in_a_sentence(kubectl: Kubectl, path: str) -> None:
    """A sentence of its own, not of the type: two fields of one model would read the same."""
    text = kubectl("explain", path)
    found = re.search(r"^DESCRIPTION:\n((?:    .*\n)+)", text, re.MULTILINE)
    assert found, text
    description = " ".join(found[1].split())
    assert description[0].isupper() or description[0].isdigit(), description
    assert description.endswith("."), description
    assert "<empty>" not in description


@pytest.fixture(scope="module")
def failed(server: Server, new_task: Callable[..., str]) -> str:
    name = new_task(queue="reports")
    server.patch_status(name, FINISHED)
    return name


@pytest.fixture(scope="module", autouse=True)
def queues(server: Server) -> None:
    server.create(
        queue("plain", template={"spec": {"containers": [{"name": "task", "image": "shop:7"}]}}, concurrency=3)
    )
    server.create(queue("web", podTemplateFrom={"deployment": "shop-web"}))


def rows(kubectl: Kubectl, *arguments: str) -> list[list[str]]:
    """The cells of a table. Two spaces or more are between them."""
    return [re.split(r"\s{2,}", line.strip()) for line in kubectl("get", *arguments).splitlines()]


def test_columns_of_a_task(kubectl: Kubectl, failed: str, new_task: Callable[..., str]) -> None:
    header, row = rows(kubectl, "djangotasks", failed)
    assert header == ["NAME", "TASK", "QUEUE", "PHASE", "PROGRESS", "ATTEMPTS", "AGE"]
    assert row[:-1] == [failed, "shop.tasks.send_receipt", "reports", "Failed", "2"]
    header, row = rows(kubectl, "djangotasks", failed, "-o", "wide")
    assert header == [
        "NAME",
        "TASK",
        "QUEUE",
        "PHASE",
        "PROGRESS",
        "ATTEMPTS",
        "REASON",
        "POD",
        "STARTED",
        "FINISHED",
        "ENQUEUED-BY",
        "RETRY-OF",
        "SCHEDULE",
        "WORKFLOW",
        "STEP",
        "INDEX",
        "EXCEPTION",
        "ENQUEUED-AT",
        "STARTED-AT",
        "FINISHED-AT",
        "AGE",
    ]
    assert row[1:7] == ["shop.tasks.send_receipt", "reports", "Failed", "2", "TaskError", "receipt-2"]
    *ages, exception, started_at, finished_at, age = row[7:]
    assert all(re.fullmatch(r"(\d+[smhdy])+|<invalid>", cell) for cell in (*ages, age))
    assert (exception, started_at, finished_at) == ("shop.Declined", FINISHED["startedAt"], FINISHED["finishedAt"])
    _, row = rows(kubectl, "djangotask", new_task())
    assert row[1:4] == ["shop.tasks.send_receipt", "default", "Queued"]


def test_columns_of_a_queue(kubectl: Kubectl) -> None:
    text = kubectl("get", "djangotaskqueues")
    assert text.splitlines()[0].split() == [
        "NAME",
        "READY",
        "QUEUED",
        "RUNNING",
        "CONCURRENCY",
        "STANDBY",
        "HELD",
        "OLDEST",
        "SUSPENDED",
        "AGE",
    ]
    assert re.search(r"^plain +3 +false +[\dms]+$", text, re.MULTILINE)
    wide = kubectl("get", "djangotaskqueues", "-o", "wide")
    assert wide.splitlines()[0].split()[-6:] == ["REASON", "HELD-BY", "HELD-UNTIL", "DEPLOYMENT", "IMAGE", "AGE"]
    assert re.search(r"^plain +3 +false +shop:7 +[\dms]+$", wide, re.MULTILINE)
    assert re.search(r"^web +false +shop-web +[\dms]+$", wide, re.MULTILINE)


def test_columns_of_a_schedule(kubectl: Kubectl, server: Server) -> None:
    """NEXT is text: kubectl shows a date that is to come as <invalid>."""
    server.create(schedule("nightly"))
    status = {"lastScheduledFor": "2026-11-23T02:00:00Z", "nextScheduledFor": "2126-11-24T02:00+00:00", "active": 1}
    server.patch_status("nightly", status, kind="DjangoTaskSchedule")
    header, row = rows(kubectl, "dts", "nightly")
    assert header == ["NAME", "SCHEDULE", "ZONE", "SUSPENDED", "ACTIVE", "LAST", "NEXT", "AGE"]
    assert row[:5] == ["nightly", "0 2 * * *", "UTC", "false", "1"]
    assert re.fullmatch(r"(\d+[smhdy])+|<invalid>", row[5])
    assert row[6] == "2126-11-24T02:00+00:00"
    wide = kubectl("get", "djangotaskschedules", "nightly", "-o", "wide")
    assert wide.splitlines()[0].split()[7:] == [
        "TASK", "WORKFLOW", "QUEUE", "EVERY", "POLICY", "LAST-TASK", "SKIPPED", "READY", "REASON", "AGE",
    ]  # fmt: skip


@pytest.mark.parametrize("word", ["dt", "djangotask", "djangotasks", "djangotasks.djangotasks.dev", "DjangoTask"])
def test_names_of_the_kind(kubectl: Kubectl, failed: str, word: str) -> None:
    assert kubectl("get", word, failed, "-o", "name") == f"djangotask.djangotasks.dev/{failed}\n"


def test_the_queue_has_a_short_name_too(kubectl: Kubectl) -> None:
    assert kubectl("get", "dtq", "web", "-o", "name") == "djangotaskqueue.djangotasks.dev/web\n"


def test_tasks_are_selected_by_phase_reason_and_queue(
    kubectl: Kubectl, failed: str, new_task: Callable[..., str]
) -> None:
    queued, elsewhere = new_task(queue="reports"), new_task(queue="mails")

    def selected(*fields: str) -> set[str]:
        names = kubectl("get", "dt", "--field-selector", ",".join(fields), "-o", "jsonpath={.items[*].metadata.name}")
        return set(names.split())

    assert selected("status.phase=Failed", "spec.queue=reports") == {failed}
    assert selected("status.reason=TaskError") == {failed}
    # The default phase is no stored value, and is found all the same.
    assert selected("status.phase=Queued", "spec.queue=reports") == {queued}
    assert selected("status.phase!=Failed", "spec.queue!=reports") >= {elsewhere}
    with pytest.raises(StepFailed, match="field label not supported"):
        selected("status.message=TaskError")


def test_kubectl_waits_for_the_end(kubectl: Kubectl, server: Server, failed: str, new_task: Callable[..., str]) -> None:
    kubectl("wait", "--for=condition=Failed", f"dt/{failed}", "--timeout=60s")
    with pytest.raises(StepFailed, match="condition not met"):
        kubectl("wait", "--for=condition=Complete", f"dt/{failed}", "--timeout=0s")
    name = new_task()
    complete = {"type": "Complete", "status": "True", "lastTransitionTime": "2026-11-23T12:00:05Z"}
    server.patch_status(name, {"phase": "Succeeded", "conditions": [complete]})
    kubectl("wait", "--for=condition=Complete", f"dt/{name}", "--timeout=60s")
    kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", f"dt/{name}", "--timeout=60s")
