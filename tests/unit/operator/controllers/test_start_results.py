"""What an API server's refusal means: to wait for one thing or another, or to try again. In the words of Kubernetes."""

from __future__ import annotations

import pytest

from djangotasks_api.phases import Reason
from djangotasks_operator.controllers.start_results import Blocked, is_same_refusal, refusal_of
from djangotasks_operator.runtime.errors import ApiError

FORBIDDEN = 'pods "a-1" is forbidden: '
CASES = [
    (403, f"{FORBIDDEN}exceeded quota: narrow, requested: pods=1", Reason.QUOTA_EXCEEDED),
    (403, f"{FORBIDDEN}status unknown for quota: narrow, resources: pods", Reason.QUOTA_EXCEEDED),
    (403, f"{FORBIDDEN}failed quota: compute: must specify limits.cpu for: task", Reason.INVALID_TEMPLATE),
    (403, f'{FORBIDDEN}error looking up service account shop/web: serviceaccount "web" not found', Reason.INVALID_TEMPLATE),
    (403, f'{FORBIDDEN}violates PodSecurity "restricted:latest": host namespaces', Reason.POD_REFUSED),
    (403, f"{FORBIDDEN}maximum memory usage per Container is 1Gi, but limit is 4Gi", Reason.POD_REFUSED),
    (403, 'pods is forbidden: User "operator" cannot create resource "pods" in API group ""', Reason.POD_REFUSED),
    (403, "unable to create new content in namespace shop because it is being terminated", Reason.POD_REFUSED),
    (400, 'admission webhook "policy.example" denied the request: no team label', Reason.POD_REFUSED),
    (422, "ValidatingAdmissionPolicy 'team' with binding 'team' denied request: no team label", Reason.POD_REFUSED),
    (500, 'admission webhook "policy.example" denied the request: internal server error', Reason.POD_REFUSED),
    (404, 'admission webhook "policy.example" denied the request: no such tenant', Reason.POD_REFUSED),
    (500, 'Internal error occurred: failed calling webhook "x": no endpoints available', Reason.POD_REFUSED),
    (422, 'Pod "a-1" is invalid: spec.containers[0].image: Required value', Reason.INVALID_TEMPLATE),
    (400, "Pod in version v1 cannot be handled as a Pod", Reason.INVALID_TEMPLATE),
    (413, "Request entity too large: limit is 3145728", Reason.INVALID_TEMPLATE),
    (500, "etcdserver: request is too large", Reason.INVALID_TEMPLATE),
]  # fmt: skip


@pytest.mark.parametrize(("status", "message", "reason"), CASES, ids=[case[1][:60] for case in CASES])
def test_a_refusal_blocks_the_start_for_a_reason(status: int, message: str, reason: Reason) -> None:
    """And never fails the task for good: what refuses may be wrong for a minute."""
    assert refusal_of(ApiError(status, {"message": message})) == Blocked(reason, message)


@pytest.mark.parametrize(
    ("status", "message"),
    [(500, "etcd"), (409, "the object has been modified"), (429, ""), (404, 'namespaces "shop" not found')],
)
def test_other_errors_are_no_verdict(status: int, message: str) -> None:
    assert refusal_of(ApiError(status, {"message": message})) is None


PATH = "Internal error occurred: failed calling webhook"
MUST = "failed quota: q: must specify"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (f"{MUST} limits.cpu for: a; limits.memory for: a", f"{MUST} limits.memory for: a; limits.cpu for: a", True),
        (f"{MUST} requests.cpu for: a", f"{MUST} limits.memory for: a", False),
        ("exceeded quota: q, requested: pods=1, used: pods=4", "exceeded quota: q, requested: pods=1, used: pods=9", True),
        ("exceeded quota: q, requested: pods=1", "exceeded quota: r, requested: pods=1", False),
        (f'{PATH} "a": no endpoints', f'{PATH} "a": context deadline exceeded', True),
        (f'{PATH} "a": no endpoints', f'{PATH} "b": no endpoints', False),
        ('RuntimeClass "gvisor" not found', "no PriorityClass with name urgent was found", False),
        ("denied (request 4711)", "denied (request 4712)", True),
        (None, "denied", False),
    ],
)  # fmt: skip
def test_a_refusal_is_the_same_in_other_words(one: str | None, other: str | None, same: bool) -> None:
    """What is stored does not flap; but when one problem is solved, and another is there, that is shown."""
    assert is_same_refusal(one, other) == same
