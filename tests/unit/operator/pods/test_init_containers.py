"""Which init containers fill a volume for the task."""

from __future__ import annotations

from typing import Any

import pytest

from djangotasks_operator.pods.init_containers import fill_a_volume

VOLUMES = [
    {"name": "conf", "emptyDir": {}},
    {"name": "work", "ephemeral": {}},
    {"name": "claim", "persistentVolumeClaim": {"claimName": "c"}},
    {"name": "secret", "secret": {"secretName": "s"}},
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
        # Shared scratch is not filled for anybody.
        (["conf:/tmp"], ["conf:/tmp"], False),
        (["conf:/tmp/"], ["conf:/tmp/"], False),
        (["conf:/run"], ["conf:/run"], False),
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
    assert fill_a_volume(spec, {"web"}) == ({"init"} if needed else set())


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
    assert fill_a_volume(spec, {"web"}) == ({"init"} if needed else set())


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
    assert fill_a_volume(spec, {"web"}) == {"fetch", "render"}


def test_sidecars_count_when_they_run() -> None:
    spec = {
        "volumes": VOLUMES,
        "initContainers": [
            {"name": "ini", "volumeMounts": mounts("conf:/c")},
            {"name": "pooler", "restartPolicy": "Always", "volumeMounts": mounts("conf:/etc/pooler")},
        ],
        "containers": [{"name": "web"}],
    }
    assert fill_a_volume(spec, {"web", "pooler"}) == {"ini"}
    assert fill_a_volume(spec, {"web"}) == set()
