"""Large arguments and results, in a bucket of a real S3 server and on a volume that pods share."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.core import checks
from django.core.management import CommandError, call_command
from django.tasks import TaskResultStatus, task_backends
from django.test import override_settings
from shop import enqueueing, probes

from django_tasks_kubernetes import Fixed, Retry
from django_tasks_kubernetes.exceptions import (
    PayloadTooLarge,
    PayloadUnavailable,
    ResultNotStored,
    ResultTooLarge,
    StorageFailed,
    StoredTextInvalid,
)
from django_tasks_kubernetes.storage.files import delete_files_of
from djangotasks_api.bounds import PAYLOAD_MAX_BYTES, RESULT_MAX_BYTES
from tests.support.operator import OperatorProcess
from tests.support.s3 import S3Server
from tests.support.tasks import FINISH_SECONDS, finish, scheduled_task, status_of, wait_phase, wait_reason
from tools.cluster import Target
from tools.cluster.cluster import Cluster
from tools.kubectl import Kubectl, StepFailed, wait_for
from tools.manifests import queue_manifest

LARGE = "x" * PAYLOAD_MAX_BYTES
TWICE = Retry(max_attempts=2, backoff=Fixed(delay=3))
# The stubs know Django's tasks, which have fewer options.
ECHO: Any = probes.echo
NOISE: Any = probes.noise


@pytest.fixture(scope="module")
def s3(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with S3Server(cluster, tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture(scope="module")
def backend(
    cluster: Cluster, kubectl: Kubectl, namespace: str, operator: OperatorProcess, s3: S3Server
) -> Iterator[Any]:
    """`default`, whose storage is the bucket, as it is for the pods of the queue `default`. `plain` has none."""
    environ = s3.environ | {"TASKS_BUCKET": s3.bucket, "DJANGO_SECRET_KEY": "for tests"}
    kubectl.apply(queue(cluster, "default", environ))
    options = {"NAMESPACE": namespace, "KUBECONFIG": str(cluster.kubeconfig)}
    backend = {"BACKEND": "django_tasks_kubernetes.KubernetesBackend", "QUEUES": []}
    with override_settings(
        STORAGES={"tasks": s3.storage},
        TASKS={
            "default": backend | {"OPTIONS": options | {"STORAGE": "tasks"}},
            "plain": backend | {"OPTIONS": options},
            "packed": backend | {"OPTIONS": options | {"STORAGE": "tasks", "COMPRESS_PAYLOAD_FROM": 2000}},
        },
    ):
        yield task_backends["default"]


@pytest.fixture
def away(s3: S3Server) -> Iterator[S3Server]:
    """The server is away until it is started."""
    s3.stop()
    yield s3
    s3.stop()
    s3.start()


def queue(cluster: Cluster, name: str, environ: dict[str, str], **spec: Any) -> dict[str, Any]:
    env = [{"name": key, "value": value} for key, value in environ.items()]
    update = {"env": env, "resources": {"limits": {"memory": "768Mi"}}} | spec.pop("container_update", {})
    return queue_manifest(name, cluster.image(Target.EXAMPLE), container_update=update, **spec)


def spec_of(kubectl: Kubectl, name: str) -> Any:
    return kubectl.get("djangotask", name)["spec"]


def stored_files(s3: S3Server, namespace: str, task: str) -> list[Path]:
    return list(s3.path(f"djangotasks/{namespace}").glob(f"{task}.*"))


def test_fifty_megabytes_come_back_as_they_were(backend: Any, kubectl: Kubectl) -> None:
    result = finish(NOISE.enqueue(50_000_000))
    assert result.status == TaskResultStatus.SUCCESSFUL, result.errors
    status = status_of(kubectl, result.id)
    assert (status["resultRef"]["size"], "result" in status) == (50_000_002, False)
    assert "_return_value=<in a storage>" in repr(result)  # nothing is read before somebody looks
    assert result.return_value == probes.noise.func(50_000_000)


def test_a_large_payload_comes_back_as_it_was(backend: Any, kubectl: Kubectl) -> None:
    args, kwargs = [LARGE * 10, 2**63 + 1, "\ud800"], {"schlüssel": "wert"}
    result = finish(ECHO.enqueue(*args, **kwargs))
    assert result.return_value == {"args": args, "kwargs": kwargs}
    again = backend.get_result(result.id)
    assert (again.args, again.kwargs) == (args, kwargs)
    spec = spec_of(kubectl, result.id)
    assert (spec["payload"], spec["payloadRef"]["size"] > 10 * len(LARGE)) == ("", True)
    assert LARGE not in json.dumps(kubectl.get("pod", f"{result.id}-1"))


def test_large_arguments_of_a_task_that_a_task_enqueues(backend: Any, kubectl: Kubectl) -> None:
    result = finish(enqueueing.pass_much.enqueue(2 * PAYLOAD_MAX_BYTES))
    assert result.return_value["length"] == 2 * PAYLOAD_MAX_BYTES, result.errors
    spec = spec_of(kubectl, result.return_value["part"])
    assert spec["payloadRef"]["name"].startswith(f"djangotasks/{kubectl.namespace}/{result.return_value['part']}.")
    assert spec["enqueuedBy"]["name"] == result.id


def test_a_packed_payload(backend: Any, kubectl: Kubectl) -> None:
    result = finish(ECHO.using(backend="packed").enqueue(LARGE * 10))
    assert result.return_value["args"] == [LARGE * 10]
    spec = spec_of(kubectl, result.id)
    assert (spec["payloadEncoding"], "payloadRef" in spec) == ("zlib+base64", False)


def test_a_file_that_was_changed_is_not_taken(backend: Any, cluster: Cluster, kubectl: Kubectl, s3: S3Server) -> None:
    late, large = ECHO.using(queue_name="late", retry=TWICE).enqueue(LARGE), NOISE.enqueue(RESULT_MAX_BYTES)
    s3.replace(spec_of(kubectl, late.id)["payloadRef"]["name"], b'{"args":["other"],"kwargs":{}}')
    kubectl.apply(queue(cluster, "late", s3.environ | {"TASKS_BUCKET": s3.bucket, "DJANGO_SECRET_KEY": "x"}))
    finish(late)
    assert [error.exception_class for error in late.errors] == [PayloadUnavailable]  # and not tried again
    assert "is not what was stored: its SHA-256 is another one" in late.errors[0].traceback
    assert status_of(kubectl, late.id)["reason"] == "PayloadUnavailable"
    finish(large)
    s3.replace(status_of(kubectl, large.id)["resultRef"]["name"], b'"other"')
    with pytest.raises(StoredTextInvalid, match="is not what was stored"):
        large.return_value  # noqa: B018 - reading it raises
    with pytest.raises(StoredTextInvalid, match="is not what was stored"):
        backend.retry(late.id)


def test_a_reference_that_is_written_by_hand(backend: Any, kubectl: Kubectl, namespace: str) -> None:
    files = backend.files
    ref = files.write(namespace, "by-hand", "payload", '{"args":["by hand"],"kwargs":{}}').to_data()
    good = scheduled_task("shop.probes.echo", name="by-hand", payloadRef=ref)
    bad = scheduled_task("shop.probes.echo", name="wrong", payloadRef=ref | {"sha256": "ab"})
    for manifest in (good, bad):
        del manifest["spec"]["payload"]
    kubectl.apply(good, bad)
    assert '"by hand"' in wait_phase(kubectl, "by-hand", "Succeeded")["result"]
    status = wait_phase(kubectl, "wrong", "Failed")
    assert (status["reason"], status["message"]) == ("InvalidPayload", "payloadRef: sha256 must be a SHA-256 in hex.")


def test_a_result_that_finds_no_storage_is_tried_again(
    backend: Any, cluster: Cluster, kubectl: Kubectl, away: S3Server
) -> None:
    environ = away.environ | {"TASKS_BUCKET": away.bucket, "DJANGO_SECRET_KEY": "x", "DJANGOTASKS_REPORT_SECONDS": "5"}
    kubectl.apply(queue(cluster, "brief", environ))
    result = NOISE.using(queue_name="brief", retry=TWICE).enqueue(RESULT_MAX_BYTES)
    status = wait_reason(kubectl, result.id, "ResultNotStored")
    assert (status["phase"], "The storage 'tasks' did not take a file" in status["message"]) == ("Retrying", True)
    away.start()
    finish(result)
    assert [error.exception_class for error in result.errors] == [ResultNotStored]
    assert result.return_value == probes.noise.func(RESULT_MAX_BYTES)


def test_a_result_waits_for_its_storage(backend: Any, kubectl: Kubectl, away: S3Server) -> None:
    """A task has one attempt by default."""
    result = NOISE.enqueue(RESULT_MAX_BYTES)

    def tried() -> bool | None:
        with suppress(StepFailed):  # it has not started yet
            return "Trying again for 300 s." in kubectl("logs", f"{result.id}-1") or None
        return None

    wait_for("the pod finds no storage", tried, seconds=FINISH_SECONDS)
    away.start()
    assert (finish(result).return_value, result.errors) == (probes.noise.func(RESULT_MAX_BYTES), [])


def test_arguments_that_find_no_storage(backend: Any, kubectl: Kubectl, s3: S3Server, namespace: str) -> None:
    result = ECHO.using(queue_name="later").enqueue(LARGE)
    s3.stop()
    try:
        later = kubectl.get("djangotaskqueue", "default")
        kubectl.apply({**later, "metadata": {"name": "later"}})
        finish(result)
        assert [error.exception_class for error in result.errors] == [PayloadUnavailable]
        assert "cannot be read" in result.errors[0].traceback
        with pytest.raises(StorageFailed, match="did not take a file"):
            ECHO.enqueue(LARGE)
        with pytest.raises(StorageFailed, match="cannot be read"):
            backend.retry(result.id)
        with pytest.raises(CommandError, match="does not list"):
            call_command("prune_task_files")
        assert "djangotasks.E017" in {found.id for found in deploy_checks()}
    finally:
        s3.start()
    assert deploy_checks() == []
    again = backend.retry(result.id)
    assert finish(again).return_value["args"] == [LARGE]
    assert len(stored_files(s3, namespace, again.id)) == 1  # a file of its own


def deploy_checks() -> list[Any]:
    return [found for found in checks.run_checks(tags=["tasks"], include_deployment_checks=True) if found.is_serious()]


def test_without_a_storage(backend: Any, cluster: Cluster, kubectl: Kubectl) -> None:
    with pytest.raises(PayloadTooLarge, match="98,304 are allowed"):
        ECHO.using(backend="plain").enqueue(LARGE)
    kubectl.apply(queue(cluster, "plain", {"DJANGO_SECRET_KEY": "for tests"}))
    result = finish(NOISE.using(queue_name="plain", retry=TWICE).enqueue(RESULT_MAX_BYTES))
    assert [error.exception_class for error in result.errors] == [ResultTooLarge]  # and not tried again
    assert status_of(kubectl, result.id)["reason"] == "ResultTooLarge"


def test_a_large_result_survives_an_operator_that_is_away(
    backend: Any, cluster: Cluster, kubectl: Kubectl, operator: OperatorProcess, s3: S3Server
) -> None:
    """The runner gives up, and the pod ends: what is in its termination message leads to the whole result."""
    environ = s3.environ | {"TASKS_BUCKET": s3.bucket, "DJANGO_SECRET_KEY": "x", "DJANGOTASKS_REPORT_SECONDS": "1"}
    kubectl.apply(queue(cluster, "impatient", environ))
    result = NOISE.using(queue_name="impatient").enqueue(RESULT_MAX_BYTES, seconds=4)
    kubectl(
        "wait", "--for=create", f"pod/{result.id}-1", f"--timeout={FINISH_SECONDS:.0f}s", seconds=FINISH_SECONDS + 10
    )
    operator.stop()
    kubectl("wait", "--for=jsonpath={.status.containerStatuses[0].state.terminated}", f"pod/{result.id}-1",
            f"--timeout={FINISH_SECONDS:.0f}s", seconds=FINISH_SECONDS + 10)  # fmt: skip
    operator.start()
    assert finish(result).return_value == probes.noise.func(RESULT_MAX_BYTES)


@pytest.mark.django_db
def test_files_go_with_their_task(backend: Any, kubectl: Kubectl, namespace: str, s3: S3Server) -> None:
    kept, swept, watched = (finish(ECHO.enqueue(LARGE * 6)) for _ in range(3))
    assert [len(stored_files(s3, namespace, result.id)) for result in (kept, swept, watched)] == [2, 2, 2]
    last = kubectl.get("djangotask", watched.id)
    kubectl("delete", "djangotask", swept.id, watched.id)
    assert delete_files_of(last) == 2
    call_command("prune_task_files")
    assert [len(stored_files(s3, namespace, result.id)) for result in (kept, swept, watched)] == [2, 2, 0]
    call_command("prune_task_files", grace=0)
    assert [len(stored_files(s3, namespace, result.id)) for result in (kept, swept, watched)] == [2, 0, 0]
    assert kept.return_value["args"] == [LARGE * 6]
