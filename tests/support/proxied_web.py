"""A web app whose processes reach the API server through a proxy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.postgres import postgres
from tests.support.proxy import Proxy
from tests.support.web_app import Web
from tools.cluster.cluster import Cluster
from tools.kubectl import Kubectl

CREATE = "create djangotasks"


class ProxiedWeb(Web):
    """Its processes reach the API server through a proxy."""

    def __init__(self, proxy: Proxy, database: dict[str, str], kubectl: Kubectl) -> None:
        super().__init__(database, proxy.kubeconfig, kubectl)
        self.proxy = proxy
        proxy.on_crash = self.kill

    def clear(self) -> None:
        """Leave nothing of the test before."""
        self.proxy.clear()
        self.relay()
        # As one request: kubectl itself would send one for each.
        path = f"/apis/djangotasks.dev/v1alpha1/namespaces/{self.kubectl.namespace}/djangotasks"
        self.kubectl("delete", "--raw", path, seconds=300)


@contextmanager
def proxied_web(cluster: Cluster, kubectl: Kubectl, folder: Path) -> Iterator[ProxiedWeb]:
    """With a database of its own. `folder`: what it writes."""
    with postgres(cluster, kubectl) as database, Proxy(cluster.kubeconfig, folder) as proxy:
        web = ProxiedWeb(proxy, database | {"TASKS_FOLDER": str(folder / "files")}, kubectl)
        web.manage("migrate", "--verbosity=0")
        yield web


def created(web: ProxiedWeb) -> list[str]:
    """The names of the tasks whose creation the API server has confirmed."""
    return [call.name for call in web.proxy.writes(verb="create", status=201)]
