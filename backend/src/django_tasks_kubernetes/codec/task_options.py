"""A task's options as the resource has them: spec.policy, spec.overrides, spec.expiresAt. Pure, but for
settings.USE_TZ."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.utils import timezone

from django_tasks_kubernetes.codec.reasons import reasons_of
from django_tasks_kubernetes.codec.times import to_wire
from django_tasks_kubernetes.durations import seconds
from django_tasks_kubernetes.retry import Exceptions, Retry, path_of
from djangotasks_api.bounds import (
    FAILURE_NAMES_MAX,
    GRACE_PERIOD_SECONDS,
    HEARTBEAT_TIMEOUT_SECONDS,
    IDEMPOTENCY_KEY_MAX_CHARS,
    SECONDS_PER_YEAR,
    START_TIMEOUT_SECONDS,
    TIMEOUT_SECONDS,
    TTL_SECONDS,
)
from djangotasks_api.names import QUANTITY_PATTERN

# The option, its name in spec.policy, and its bounds.
DURATIONS: Final = {
    "timeout": ("timeoutSeconds", TIMEOUT_SECONDS),
    "heartbeat_timeout": ("heartbeatTimeoutSeconds", HEARTBEAT_TIMEOUT_SECONDS),
    "grace_period": ("gracePeriodSeconds", GRACE_PERIOD_SECONDS),
    "start_timeout": ("startTimeoutSeconds", START_TIMEOUT_SECONDS),
    "ttl": ("ttlSecondsAfterFinished", TTL_SECONDS),
}
LABEL = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
QUANTITY = re.compile(QUANTITY_PATTERN.removesuffix("$"))


def to_spec(options: Mapping[str, Any], enqueued_at: datetime) -> dict[str, Any]:
    """The part of a DjangoTask's spec that the options stand for. Raises TypeError or ValueError."""
    spec: dict[str, Any] = {}
    if policy := dict(_policy(options)):
        spec["policy"] = policy
    if "expires" in options:
        spec["expiresAt"] = to_wire(_expires_at(options["expires"], enqueued_at))
    overrides: dict[str, Any] = {}
    if "resources" in options:
        overrides["resources"] = _resources(options["resources"])
    if "node_selector" in options:
        overrides["nodeSelector"] = _labels(options["node_selector"])
    if overrides:
        spec["overrides"] = overrides
    if "idempotency_key" in options:
        spec["idempotencyKey"] = _key(options["idempotency_key"])
    return spec


def _policy(options: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    retry = options.get("retry")
    if retry is not None:
        if not isinstance(retry, Retry):
            raise TypeError(f"retry must be Retry(…), not {retry!r}.")
        yield "maxAttempts", retry.max_attempts
        yield "backoff", retry.backoff.to_spec()
        # All that there is needs no list.
        if retry.on is not None and not {Exception, BaseException} & set(retry.on):
            yield "retryOn", _names("on", retry.on)
        if retry.never:
            yield "neverRetryOn", _names("never", retry.never)
    for option, (name, bounds) in DURATIONS.items():
        if option in options:
            yield name, int(seconds(option, options[option], least=bounds.least, most=bounds.most, whole=True))


def _names(option: str, classes: Exceptions) -> list[str]:
    """The classes, and the reasons that `result.errors` shows as one of them, which the operator knows and the pod does
    not see."""
    names = [*map(path_of, classes), *reasons_of(classes)]
    if len(names) > FAILURE_NAMES_MAX:
        raise ValueError(f"Retry({option}=…) stands for {len(names)} names; {FAILURE_NAMES_MAX} are allowed.")
    return list(dict.fromkeys(names))


def _expires_at(value: Any, enqueued_at: datetime) -> datetime:
    if isinstance(value, datetime):
        if settings.USE_TZ and not timezone.is_aware(value):
            raise ValueError("expires must be an aware datetime.")
        return value
    # In UTC: without USE_TZ the other is a local time, and one hour of the year is there twice.
    after = timedelta(seconds=seconds("expires", value, most=SECONDS_PER_YEAR))
    return datetime.fromisoformat(to_wire(enqueued_at)) + after


def _resources(value: Any) -> dict[str, dict[str, str]]:
    """{"memory": "2Gi"} asks for that, and is the limit. {"requests": …, "limits": …} as in a pod."""
    if not isinstance(value, Mapping) or not value:
        raise TypeError(f'resources must be a dict such as {{"memory": "2Gi", "cpu": "500m"}}, not {value!r}.')
    if value.keys() <= {"requests", "limits"}:
        return {name: _quantities(f"resources[{name!r}]", part) for name, part in value.items()}
    quantities = _quantities("resources", value)
    return {"requests": quantities, "limits": quantities}


def _quantities(name: str, value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise TypeError(f"{name} must be a dict of amounts, not {value!r}.")
    for resource, amount in value.items():
        known = isinstance(resource, str) and isinstance(amount, (str, int, float)) and not isinstance(amount, bool)
        if not known or not QUANTITY.fullmatch(str(amount)):
            raise ValueError(f"{name}[{resource!r}] must be an amount such as '2Gi', '500m' or 2, not {amount!r}.")
    return {resource: str(amount) for resource, amount in value.items()}


def _labels(value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping) or not all(
        isinstance(key, str) and isinstance(label, str) and LABEL.fullmatch(label) for key, label in value.items()
    ):
        raise ValueError(f'node_selector must be a dict of labels such as {{"disk": "ssd"}}, not {value!r}.')
    return dict(value)


def _key(value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= IDEMPOTENCY_KEY_MAX_CHARS:
        raise ValueError(f"idempotency_key must be a text of 1 to {IDEMPOTENCY_KEY_MAX_CHARS} characters.")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("idempotency_key must be text that can be encoded as UTF-8.") from None
    return value
