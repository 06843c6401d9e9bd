"""What an API server's refusal means: to wait, to fail, or to try again. Its words are those of Kubernetes 1.37."""

from __future__ import annotations

import pytest

from djangotasks_api.phases import Reason
from djangotasks_operator.api import ApiError
from djangotasks_operator.start import NotYet, Refused, _refusal

CASES = [
    (403, 'pods "a-1" is forbidden: exceeded quota: narrow, requested: pods=1', NotYet, Reason.QUOTA_EXCEEDED),
    (403, 'pods "a-1" is forbidden: error looking up service account shop/web: serviceaccount "web" not found',
     NotYet, Reason.INVALID_TEMPLATE),
    (403, 'pods "a-1" is forbidden: violates PodSecurity "restricted:latest": host namespaces', Refused,
     Reason.POD_REFUSED),
    (422, 'Pod "a-1" is invalid: spec.containers[0].image: Required value', NotYet, Reason.INVALID_TEMPLATE),
]  # fmt: skip


@pytest.mark.parametrize(("status", "message", "kind", "reason"), CASES, ids=[case[3] for case in CASES])
def test_a_refusal(status: int, message: str, kind: type[NotYet], reason: Reason) -> None:
    refusal = _refusal(ApiError(status, {"message": message}))
    assert type(refusal) is kind
    assert (refusal.reason, refusal.message) == (reason, message)


@pytest.mark.parametrize(
    ("status", "message"),
    [(403, 'pods is forbidden: User "operator" cannot create resource "pods" in API group ""'), (500, "etcd")],
)
def test_what_says_nothing_of_the_task(status: int, message: str) -> None:
    error = ApiError(status, {"message": message})
    assert _refusal(error) is error
