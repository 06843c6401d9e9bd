"""Which init containers are needed before a task."""

from __future__ import annotations

from typing import Any

import pytest

from djangotasks_operator.pods.init_containers import needed_inits

VOLUMES = [
    {"name": "conf", "emptyDir": {}},
    {"name": "work", "ephemeral": {}},
    {"name": "claim", "persistentVolumeClaim": {"claimName": "c"}},
    {"name": "secret", "secret": {"secretName": "s"}},
    {"name": "node", "hostPath": {"path": "/srv/models"}},
]


def mounts(*texts: str) -> list[dict[str, Any]]:
    """Each as `volume[/subPath]:mountPath[:ro]`."""
    result: list[dict[str, Any]] = []
    for text in texts:
        source, path, *options = text.split(":")
        volume, _, sub = source.partition("/")
        result.append({"name": volume, "mountPath": path} | ({"subPath": sub} if sub else {}))
        if options:
            result[-1]["readOnly"] = True
    return result


@pytest.mark.parametrize(
    ("init", "web", "needed"),
    [
        ([], [], False),
        (["conf:/out"], [], False),
        (["conf:/out"], ["conf:/etc/app"], True),
        (["work:/out"], ["work:/data"], True),
        (["conf:/out:ro"], ["conf:/etc/app"], False),
        (["conf:/out"], ["work:/data"], False),
        # What stays when the pod goes was filled for the web pods already.
        (["claim:/out"], ["claim:/data"], False),
        (["secret:/in"], ["secret:/in"], False),
        # But the task may be on a node where no web pod has been.
        (["node:/out"], ["node:/models"], True),
        # Shared scratch is not filled for anybody.
        (["conf:/tmp"], ["conf:/tmp"], False),
        (["conf:/tmp/"], ["conf:/tmp/"], False),
        (["conf:/run"], ["conf:/run"], False),
        (["conf:/var/log"], ["conf:/var/log"], False),
        (["conf:/app/tmp"], ["conf:/app/tmp"], False),
        (["conf/app-logs:/opt/app/logs"], ["conf/app-logs:/opt/app/logs/"], False),
        (["conf:/app/tmp/pids"], ["conf:/app/tmp/pids"], False),
        (["conf:/tmp/config"], ["conf:/tmp/config"], True),
        (["conf:/catalog"], ["conf:/catalog"], True),
        (["conf:/run/secrets"], ["conf:/run/secrets"], True),
        (["conf:/out"], ["conf:/tmp", "conf:/etc/app"], True),
        # Parts of one volume.
        (["conf/a:/out"], ["conf/a:/etc/app"], True),
        (["conf/a:/out"], ["conf/b:/etc/app"], False),
        (["conf/a:/out"], ["conf/a/b:/etc/app"], True),
        (["conf/a:/out"], ["conf/ab:/etc/app"], False),
        (["conf:/out"], ["conf/b:/etc/app"], True),
        (["conf/b:/out"], ["conf:/etc/app"], True),
    ],
)
def test_one_that_fills_a_volume_of_the_container_is_needed(init: list[str], web: list[str], needed: bool) -> None:
    spec = {
        "volumes": VOLUMES,
        "initContainers": [{"name": "init", "volumeMounts": mounts(*init)}],
        "containers": [{"name": "web", "volumeMounts": mounts(*web)}],
    }
    assert needed_inits(spec, {"web"}) == ({"init"} if needed else set())


@pytest.mark.parametrize(
    ("init", "file", "needed"),
    [
        ("conf:/out", {"volumeName": "conf", "path": "app.env"}, True),
        ("conf/a:/out", {"volumeName": "conf", "path": "a/app.env"}, True),
        ("conf/a:/out", {"volumeName": "conf", "path": "b/app.env"}, False),
        ("conf:/out", {"volumeName": "work", "path": "app.env"}, False),
        ("conf:/out", None, False),
    ],
)
def test_one_that_writes_a_file_of_variables_is_needed(init: str, file: dict[str, str] | None, needed: bool) -> None:
    """The container that has them does not mount the volume."""
    spec = {
        "volumes": VOLUMES,
        "initContainers": [{"name": "init", "volumeMounts": mounts(init)}],
        "containers": [{"name": "web", "env": [{"name": "A", "valueFrom": {"fileKeyRef": file}}, {"name": "B"}]}],
    }
    assert needed_inits(spec, {"web"}) == ({"init"} if needed else set())


def test_one_that_fills_a_volume_of_a_needed_one_is_needed() -> None:
    spec = {
        "volumes": VOLUMES,
        "initContainers": [
            {"name": "fetch", "volumeMounts": mounts("work:/w")},
            {"name": "render", "volumeMounts": mounts("work:/w:ro", "conf:/c")},
            {"name": "after", "volumeMounts": mounts("work:/w")},
        ],
        "containers": [{"name": "web", "volumeMounts": mounts("conf:/etc/app")}],
    }
    assert needed_inits(spec, {"web"}) == {"fetch", "render"}


def test_sidecars_count_when_they_run() -> None:
    spec = {
        "volumes": VOLUMES,
        "initContainers": [
            {"name": "ini", "volumeMounts": mounts("conf:/c")},
            {"name": "pooler", "restartPolicy": "Always", "volumeMounts": mounts("conf:/etc/pooler")},
        ],
        "containers": [{"name": "web"}],
    }
    assert needed_inits(spec, {"web", "pooler"}) == {"ini"}
    assert needed_inits(spec, {"web"}) == set()


NETWORK = {"capabilities": {"add": ["NET_ADMIN", "NET_RAW"]}}


@pytest.mark.parametrize(
    ("context", "needed"),
    [
        (NETWORK, True),
        ({"capabilities": {"add": ["CAP_NET_ADMIN"]}}, True),
        ({"capabilities": {"add": ["CHOWN"], "drop": ["ALL"]}}, False),
        ({"capabilities": None}, False),
        ({"privileged": True}, False),
        (None, False),
    ],
)
def test_one_that_sets_up_the_network_is_needed(context: dict[str, Any] | None, needed: bool) -> None:
    """istioctl kube-inject and linkerd inject write it into the Deployment. Without it no traffic goes by the proxy, and
    services that ask for mutual TLS refuse the task."""
    spec = {
        "initContainers": [{"name": "istio-init", "securityContext": context}, {"name": "migrate"}],
        "containers": [{"name": "web"}, {"name": "istio-proxy"}],
    }
    assert needed_inits(spec, {"web", "istio-proxy"}) == ({"istio-init"} if needed else set())


@pytest.mark.parametrize("policy", [None, "Always"])
def test_no_network_leads_to_a_proxy_that_is_left_out(policy: str | None) -> None:
    proxy = {"name": "proxy", "restartPolicy": policy}
    inits: list[Any] = [{"name": "init", "securityContext": NETWORK}]
    plain: list[Any] = [{"name": "web"}]
    (inits if policy else plain).append(proxy)
    spec = {"initContainers": inits, "containers": plain}
    assert needed_inits(spec, {"web"}) == set()
    assert needed_inits(spec, {"web", "proxy"}) == {"init"}
