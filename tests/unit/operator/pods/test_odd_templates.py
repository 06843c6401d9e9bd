"""Whatever a queue's template holds, it is a pod or an InvalidTemplate. The CRD stores it unchecked."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from djangotasks_api.assignment import Assignment
from djangotasks_api.models import Overrides, QueueSpec, TaskSpec
from djangotasks_operator.pods import manifests
from djangotasks_operator.pods.fields import InvalidTemplate
from djangotasks_operator.pods.overrides import apply
from djangotasks_operator.pods.template import pod_template
from djangotasks_operator.scheduling.limits import resolve
from tests.support.builders import make_job, make_queue, make_task

ASSIGNMENT = Assignment(
    id="receipt", namespace="shop", uid="u", attempt=1, worker_id="receipt-1", task="shop.tasks.x", queue="default",
    backend="default", priority=0, enqueued_at="", run_after=None, worker_ids=(), started_at=None,
    url="http://10.0.0.1", token="t", payload="{}",
)  # fmt: skip
WISH = Overrides.model_validate({"nodeSelector": {"a": "b"}, "resources": {"limits": {"cpu": "1"}}})

scalars = st.one_of(st.none(), st.booleans(), st.integers(-1, 2), st.sampled_from(["", "x", "0", "windows"]))
odd = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.sampled_from("ab"), inner, max_size=2)),
    max_leaves=4,
)


def nearly(right: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Right in most examples: one part that is wrong would hide the others."""
    return st.one_of(right, right, right, odd)


def part(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return nearly(st.fixed_dictionaries({}, optional=fields))


texts = nearly(st.dictionaries(st.sampled_from(["a", "kubernetes.io/os"]), nearly(st.just("x")), max_size=2))
context = part(
    runAsUser=nearly(st.integers(0, 1)),
    runAsNonRoot=nearly(st.booleans()),
    privileged=nearly(st.booleans()),
    capabilities=part(add=nearly(st.lists(nearly(st.just("SYS_ADMIN")), max_size=2))),
)
container = part(
    name=nearly(st.sampled_from(["web", "task"])),
    env=nearly(st.lists(nearly(st.just({"name": "A", "value": "1"})), max_size=2)),
    resources=part(limits=texts, requests=texts),
    securityContext=context,
)
containers = nearly(st.lists(container, min_size=1, max_size=2))
templates = st.fixed_dictionaries(
    {},
    optional={
        "metadata": part(labels=texts, annotations=texts),
        "spec": part(
            containers=containers,
            initContainers=containers,
            securityContext=context,
            nodeSelector=texts,
            os=part(name=nearly(st.just("linux"))),
            priority=odd,
            automountServiceAccountToken=odd,
        ),
    },
)


@given(template=templates, name=st.sampled_from([None, "web", "task"]))
def test_a_template_of_any_shape_is_a_pod_or_invalid(template: dict[str, Any], name: str | None) -> None:
    before = deepcopy(template)
    queue = make_queue(template=template, container=name, priority_class_name="p")
    try:
        made, container_name, _ = pod_template(template, QueueSpec(template=template, container=name))
    except InvalidTemplate:
        return
    finally:
        assert template == before
    apply(TaskSpec(task="a.b", overrides=WISH), queue, resolve(None, queue), made, container_name)
    manifests.job(make_task(), 1, made)
    pod = manifests.pod(make_job(), made, container_name, ASSIGNMENT)
    commands = {str(each.get("name")): each.get("command") for each in reversed(pod["spec"]["containers"])}
    assert commands[container_name] == queue.spec.command
