"""Lists as tables: what the client asks for, and how it goes on."""

from urllib.parse import parse_qs, urlsplit

import pytest

from django_tasks_kubernetes import exceptions as e
from django_tasks_kubernetes.kube.client import Client
from tests.unit.backend.kube.test_client import PATH, answers, status
from tests.unit.backend.web_server import Answer, Request, Server

TABLE = {"kind": "Table", "metadata": {}, "columnDefinitions": [], "rows": []}
FOUND: Answer = (200, TABLE, {})


def asked(request: Request) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(request.path).query).items()}


def test_a_table_is_asked_for_without_the_resources(server: Server, client: Client) -> None:
    server.answer = answers(FOUND)
    assert client.table_page(fields="spec.queue=mail", labels="!x", limit=50, token="a b") == TABLE
    (request,) = server.requests
    assert request.path.startswith(f"{PATH}?")
    assert request.headers["accept"] == "application/json;as=Table;g=meta.k8s.io;v=v1"
    assert asked(request) == {
        "limit": "50",
        "includeObject": "None",
        "fieldSelector": "spec.queue=mail",
        "labelSelector": "!x",
        "continue": "a b",
    }


def test_a_table_of_all_namespaces_has_the_metadata(server: Server, client: Client) -> None:
    server.answer = answers(FOUND)
    client.everywhere().table_page(limit=500)
    (request,) = server.requests
    assert urlsplit(request.path).path == "/apis/djangotasks.dev/v1alpha1/djangotasks"
    assert asked(request) == {"limit": "500", "includeObject": "Metadata"}


def test_a_list_that_is_gone_goes_on_in_a_newer_one(server: Server, client: Client) -> None:
    server.answer = answers((410, {"metadata": {"continue": "newer"}, "message": "too old"}, {}), FOUND)
    assert client.table_page(limit=2, token="old") == TABLE
    assert [asked(request)["continue"] for request in server.requests] == ["old", "newer"]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (status(410, "gone"), e.TaskRefused),
        (status(400, "field label not supported"), e.TaskRefused),
        ((404, b"404 page not found", {}), e.CrdNotInstalled),
        ((200, b"<html>", {}), e.ApiUnavailable),
    ],
)
def test_a_refused_table_is_an_error(server: Server, client: Client, answer: Answer, error: type[Exception]) -> None:
    server.answer = answers(answer)
    with pytest.raises(error):
        client.table_page(limit=2, token="old")


def test_rows_have_their_metadata_and_their_cells_by_name(server: Server, client: Client) -> None:
    metadata = {"name": "flow", "creationTimestamp": "2026-11-23T12:00:00Z"}
    page = TABLE | {
        "columnDefinitions": [{"name": "Name"}, {"name": "Phase"}, {"name": "Progress"}],
        "rows": [{"cells": ["flow", "Running", None], "object": {"metadata": metadata}}],
    }
    server.answer = answers((200, page | {"metadata": {"continue": "next"}}, {}), (200, page, {}))
    cells = {"Name": "flow", "Phase": "Running", "Progress": None}
    assert list(client.workflows().table("status.phase=Running")) == [{"metadata": metadata, "cells": cells}] * 2
    first, second = server.requests
    assert urlsplit(first.path).path.endswith("/djangotaskworkflows")
    assert asked(first)["fieldSelector"] == "status.phase=Running"
    assert asked(second)["continue"] == "next"
    assert first.headers["accept"] == "application/json;as=Table;g=meta.k8s.io;v=v1"
