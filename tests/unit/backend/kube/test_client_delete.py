"""Deleting a task: that very one."""

import pytest
from django.tasks.exceptions import TaskResultDoesNotExist

from django_tasks_kubernetes import exceptions as e
from django_tasks_kubernetes.kube.client import Client
from tests.unit.backend.kube.test_client import NO_ROLE, PATH, answers, status
from tests.unit.backend.web_server import Answer, Server


@pytest.mark.parametrize("code", [200, 202])
def test_the_task_of_that_uid_is_deleted(server: Server, client: Client, code: int) -> None:
    server.answer = answers((code, {"kind": "Status"}, {}))
    client.delete("t1", "u-1")
    (request,) = server.requests
    assert (request.method, request.path) == ("DELETE", f"{PATH}/t1")
    assert request.body == {"preconditions": {"uid": "u-1"}}


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (status(409, "the UID in the precondition does not match"), TaskResultDoesNotExist),
        (status(404, "not found", kind="djangotasks", name="t1"), TaskResultDoesNotExist),
        (status(403, NO_ROLE.replace("cannot create", "cannot delete")), e.PermissionDenied),
        (status(503, "etcd is away"), e.ApiUnavailable),
    ],
)
def test_why_it_is_not_deleted(server: Server, client: Client, answer: Answer, error: type[Exception]) -> None:
    server.answer = answers(answer)
    with pytest.raises(error):
        client.delete("t1", "u-1")
