"""What every story in a browser starts from: a namespace with an operator at work in it, and a web app with the admin."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.admin_pages import RIGHTS, AdminSite, account
from tests.support.browsing import Visitor, chromium
from tests.support.fixtures import cluster, kubectl, namespace, operator, queue

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

    from tests.support.operator import OperatorProcess
    from tools.cluster.cluster import Cluster
    from tools.kubectl import Kubectl

__all__ = ["cluster", "kubectl", "namespace", "operator", "queue"]

HERE = "tests/browser/"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.nodeid.startswith(HERE):
            item.add_marker(pytest.mark.cluster)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def web_account(cluster: Cluster, kubectl: Kubectl, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The kubeconfig of the web app, with all rights that the chart can give."""
    return account(cluster, kubectl, tmp_path_factory.mktemp("account"), *RIGHTS)


@pytest.fixture(scope="module")
def site(
    operator: OperatorProcess, queue: str, namespace: str, web_account: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AdminSite]:
    with AdminSite(tmp_path_factory.mktemp("web"), namespace, web_account).running() as site:
        yield site


@pytest.fixture(scope="module")
def people(browser: Browser, site: AdminSite) -> Visitor:
    """Who logs in once in a module."""
    return Visitor(browser, site)


@pytest.fixture
def visitor(people: Visitor, site: AdminSite) -> Iterator[Visitor]:
    """The browser complains of nothing, or the test says so in `problems`."""
    people.problems.clear()
    yield people
    people.close()
    print(site.log()[-4000:])
    assert people.problems == []
