"""What may come of an attempt's start."""

import re
from dataclasses import dataclass

from djangotasks_api.phases import Reason
from djangotasks_operator.runtime.errors import ApiError


@dataclass(frozen=True, slots=True)
class Started:
    """The Job and the Pod exist."""


@dataclass(frozen=True, slots=True)
class Blocked:
    """The attempt cannot start now, and may later."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """The attempt will never start."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Stale:
    """The task has changed since it was decided on: decide again."""


type StartResult = Started | Blocked | Rejected | Stale


# What the API server says of a quota: there is no room, or it does not know yet (after an upgrade, or right after the
# quota was made, until the quota controller has counted).
QUOTA_WORDS = ("exceeded quota", "status unknown for quota")
# The template says too little for a quota, or its service account is not there: in a new namespace, even the default
# one comes a moment later.
TEMPLATE_WORDS = ("failed quota", "error looking up service account")
# The operator's own right is not there: its Role was taken away, or not all API servers have heard yet that it is back.
RIGHT_WORDS = "cannot create resource"


def judges_the_task(error: ApiError) -> bool:
    """Whether a refusal may be about this Job or Pod. A webhook that does not answer, or has an error of its own, has
    said nothing of it, and neither has a right that the operator lacks: the next one may be taken as well as this
    one."""
    lacks_right = error.status == 403 and RIGHT_WORDS in error.message
    return not lacks_right and (error.status in (400, 403, 413, 422) or error.too_large)


def refusal_of(error: ApiError) -> Blocked | None:
    """What an API server's refusal of a Job or a Pod means. None where it is no verdict on them. Never that the task
    has failed: a policy or a label that was wrong for a minute would cost the whole backlog."""
    message = error.message
    match error.status:
        case 403 if any(words in message for words in QUOTA_WORDS):
            return Blocked(Reason.QUOTA_EXCEEDED, message)
        case 403 if any(words in message for words in TEMPLATE_WORDS):
            return Blocked(Reason.INVALID_TEMPLATE, message)
        case _ if error.of_admission:
            return Blocked(Reason.POD_REFUSED, message)
        case 403:
            # PodSecurity, a LimitRange, a policy, a namespace that is being deleted, a right that the operator lacks.
            return Blocked(Reason.POD_REFUSED, message)
        case 400 | 413 | 422:
            return Blocked(Reason.INVALID_TEMPLATE, message)
        case _ if error.too_large:
            return Blocked(Reason.INVALID_TEMPLATE, message)
        case _:
            return None


# What follows is worded otherwise each time: how a webhook could not be reached, or how much is used.
VARYING = re.compile(r'failed calling webhook "[^"]*"|exceeded quota: [^,]*')


def is_same_refusal(one: str | None, other: str | None) -> bool:
    """Whether two messages are about the same thing. The API server may word a refusal in more than one way, with its
    parts in any order, and what is stored must not flap. But of two problems the second is shown when the first is
    solved."""
    return _gist(one or "") == _gist(other or "")


def _gist(message: str) -> list[str]:
    found = VARYING.search(message)
    return sorted(re.findall(r"[^\s\d,;:]+", found.group() if found else message))
