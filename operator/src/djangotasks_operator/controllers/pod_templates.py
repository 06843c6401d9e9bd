"""Find the pod template of a queue: its own, or that of the Deployment that it follows."""

import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from djangotasks_api.models import DjangoTaskQueue
from djangotasks_api.phases import Reason
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.controllers.start_results import Blocked
from djangotasks_operator.pods.fields import InvalidTemplate
from djangotasks_operator.pods.rollout import Revision, has_one_revision, running_revision
from djangotasks_operator.pods.selectors import to_query
from djangotasks_operator.pods.template import PodTemplate, pod_template
from djangotasks_operator.runtime.client import Api
from djangotasks_operator.runtime.errors import ApiError, unless_missing
from djangotasks_operator.runtime.resources import DEPLOYMENTS, REPLICA_SETS, Object

logger = logging.getLogger(__name__)

# How long a Deployment that was read is used again, so that a burst of tasks reads it once a second. Counted from the
# question: a slow answer is as old as that.
DEPLOYMENT_FRESH_SECONDS = 1.0
# Deployments that were read last. More are read within a second only where as many queues follow others.
REMEMBERED_MAX = 100
NOT_LISTED = (
    "The operator may not list ReplicaSets, and so runs the newest revision, whether its pods are ready or not."
)


class Followed(NamedTuple):
    """A Deployment's selector, and the revision that tasks run."""

    selector: Object | None
    revision: Revision


class PodTemplates:
    def __init__(self, api: Api, clock: Callable[[], float] = time.monotonic) -> None:
        self._api = api
        self._clock = clock
        self._followed: OrderedDict[Key, tuple[float, Followed]] = OrderedDict()

    async def of(self, queue: DjangoTaskQueue) -> PodTemplate | Blocked:
        """Make the template of the queue's pods. Raises ApiError, OSError or TimeoutError."""
        spec, namespace = queue.spec, queue.metadata.namespace
        try:
            if spec.pod_template_from is None:
                return pod_template(spec.template or {}, spec)
            key = Key(namespace, spec.pod_template_from.deployment)
            if (followed := await self._follow(key)) is None:
                message = f"The queue follows the Deployment {key.name!r}, and there is none in {namespace!r}."
                return Blocked(Reason.DEPLOYMENT_NOT_FOUND, message)
            template = pod_template(followed.revision.template, spec, followed.selector, namespace)
            return template._replace(notes=(*followed.revision.notes, *template.notes))
        except ApiError as error:
            if error.status != 403:
                raise
            message = f"The operator may not read what the queue follows: {error.message}"
            return Blocked(Reason.DEPLOYMENT_NOT_FOUND, message)
        except InvalidTemplate as error:
            return Blocked(Reason.INVALID_TEMPLATE, f"The queue {queue.metadata.name!r}: {error}.")
        except (TypeError, ValueError, AttributeError, LookupError, RecursionError):
            # A template is its author's: whatever nobody thought of is his to correct, and shows in the queue.
            logger.warning("queue %s/%s: its pod template", namespace, queue.metadata.name, exc_info=True)
            message = f"The queue {queue.metadata.name!r}: the pod template has a value of a wrong type."
            return Blocked(Reason.INVALID_TEMPLATE, message)

    async def _follow(self, key: Key) -> Followed | None:
        """What is followed of the Deployment. None where there is none."""
        now, (asked_at, known) = self._clock(), self._followed.get(key, (0.0, None))
        if known is not None and now - asked_at <= DEPLOYMENT_FRESH_SECONDS:
            return known
        deployment = await unless_missing(self._api.get(DEPLOYMENTS, *key))
        if deployment is None:
            return None
        followed = Followed(deployment["spec"].get("selector"), await self._revision(key, deployment))
        if self._followed.get(key, (now, None))[0] <= now:
            # No later question was answered meanwhile.
            self._followed[key] = now, followed
        self._followed.move_to_end(key)
        if len(self._followed) > REMEMBERED_MAX:
            self._followed.popitem(last=False)
        return followed

    async def _revision(self, key: Key, deployment: Object) -> Revision:
        """The revision that tasks run: its ReplicaSets are read during a rollout alone."""
        newest = Revision(deployment["spec"]["template"])
        selector = deployment["spec"].get("selector")
        if has_one_revision(deployment) or not selector:
            return newest
        try:
            pages = self._api.list(REPLICA_SETS, key.namespace, to_query(selector))
            return running_revision(deployment, [found async for page in pages for found in page.objects])
        except ApiError as error:
            if error.status != 403:
                raise
            # The permissions of an older chart.
            return newest._replace(notes=(NOT_LISTED,))
