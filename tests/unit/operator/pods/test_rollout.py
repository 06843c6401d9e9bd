"""Which revision of a Deployment tasks run, while it is rolled out, after it failed, and when it is rolled back."""

from __future__ import annotations

from typing import Any

import pytest

from djangotasks_operator.pods.rollout import HASH_LABEL, REVISION_ANNOTATION, has_one_revision, running_revision

UID = "uid-of-web"


def template(image: str) -> dict[str, Any]:
    return {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": image}]}}


def deployment(**status: int) -> dict[str, Any]:
    return {"metadata": {"uid": UID, "generation": 7}, "spec": {"template": template("shop:3")}, "status": status}


def replica_set(image: str, revision: object, ready: int | None, owner: str = UID) -> dict[str, Any]:
    made = template(image)
    made["metadata"]["labels"][HASH_LABEL] = f"hash-of-{image}"
    metadata = {
        "annotations": {REVISION_ANNOTATION: str(revision)},
        "ownerReferences": [{"uid": owner, "controller": True}],
    }
    return {
        "metadata": metadata,
        "spec": {"template": made},
        "status": {} if ready is None else {"readyReplicas": ready},
    }


@pytest.mark.parametrize(
    ("status", "one"),
    [
        ({"observedGeneration": 7, "replicas": 3, "updatedReplicas": 3}, True),
        ({"observedGeneration": 7, "replicas": 4, "updatedReplicas": 1}, False),
        ({"observedGeneration": 6, "replicas": 3, "updatedReplicas": 3}, False),
        ({"observedGeneration": 7}, True),  # scaled to nothing
        ({}, False),  # just created
    ],
)
def test_replica_sets_are_read_during_a_rollout_alone(status: dict[str, int], one: bool) -> None:
    assert has_one_revision(deployment(**status)) is one


OLD, NEW = replica_set("shop:2", 2, 3), replica_set("shop:3", 3, 0)


@pytest.mark.parametrize(
    ("replica_sets", "image"),
    [
        ([OLD, NEW], "shop:2"),  # the new image cannot be pulled, or its pods crash
        ([OLD, replica_set("shop:3", 3, 1)], "shop:3"),
        ([replica_set("shop:3", 3, 1), OLD, replica_set("shop:1", 1, 1)], "shop:3"),
        ([replica_set("shop:1", 1, 1), OLD, NEW], "shop:2"),
        ([replica_set("shop:2", 9, 1), replica_set("shop:3", 10, 1)], "shop:3"),
        ([replica_set("shop:2", 4, 1), replica_set("shop:3", 3, 1)], "shop:2"),  # just rolled back
        ([replica_set("shop:2", 2, 0), NEW], "shop:3"),  # no web app runs
        ([replica_set("shop:2", 2, None)], "shop:3"),
        ([replica_set("other:9", 9, 3, owner="another"), OLD], "shop:2"),
        ([replica_set("shop:1", "x", 1), OLD], "shop:2"),
        ([replica_set("shop:1", "9" * 5000, 1), OLD], "shop:2"),
        ([], "shop:3"),
    ],
)
def test_the_newest_revision_with_a_ready_pod_runs(replica_sets: list[dict[str, Any]], image: str) -> None:
    found, notes = running_revision(deployment(), replica_sets)
    assert found["spec"]["containers"][0]["image"] == image
    assert found["metadata"]["labels"] == {"app": "web"}
    assert bool(notes) == (image != "shop:3")


def test_a_person_learns_which_revision_runs() -> None:
    (note,) = running_revision(deployment(), [OLD, NEW]).notes
    assert note.startswith("Tasks run revision 2 of the Deployment: no pod of the newest one is ready")
