"""Diagnose a Pod: what keeps it from starting, and why it ended. Pure."""

import re
import signal
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from djangotasks_api.bounds import MEMORY_BYTES
from djangotasks_api.outcome import Outcome
from djangotasks_api.phases import Reason
from djangotasks_api.report_fields import InvalidReport
from djangotasks_operator.pods.times import clock_behind
from djangotasks_operator.pods.tokens import sign
from djangotasks_operator.pods.views import Pod, Waiting
from djangotasks_operator.scheduling.validation import quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class StartProblem:
    """What keeps a pod from starting."""

    reason: Reason
    message: str
    """With the kubelet's or the scheduler's own words."""
    permanent: bool = False
    """Waiting cannot help."""
    about: str = ""
    """What the message names however the kubelet words it. Of another problem it is another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndCause:
    """Why a pod ended without an outcome."""

    reason: Reason
    message: str
    exit_code: int | None = None
    """None where the task's container did not run, or its exit code says nothing."""
    memory_limit_bytes: int | None = None
    """The limit of which it used all, where it did."""


# The kubelet's reasons for a container that waits: k8s.io/kubernetes/pkg/kubelet/{images,kuberuntime}.
WAITING = {
    "ErrImagePull": Reason.IMAGE_PULL_FAILED,
    "ImagePullBackOff": Reason.IMAGE_PULL_FAILED,
    "ErrImageNeverPull": Reason.IMAGE_PULL_FAILED,
    "ImageInspectError": Reason.IMAGE_PULL_FAILED,
    "RegistryUnavailable": Reason.IMAGE_PULL_FAILED,
    "SignatureValidationFailed": Reason.IMAGE_PULL_FAILED,
    "InvalidImageName": Reason.INVALID_IMAGE_NAME,
    "CreateContainerConfigError": Reason.CONTAINER_CONFIG_ERROR,
    "CreateContainerError": Reason.CONTAINER_CONFIG_ERROR,
    "RunContainerError": Reason.CONTAINER_CONFIG_ERROR,
    "CrashLoopBackOff": Reason.INIT_CONTAINER_FAILED,
}
# What a container that has no runner says, and what to do about it: the words of runtimes, and of Python.
NO_RUNNER = (
    (
        re.compile(r"executable file not found|exec: .*no such file or directory"),
        "The queue's command, by default python -m django_tasks_kubernetes.runner, must begin with a program of the "
        "image.",
    ),
    (
        re.compile(r"No module named '?django_tasks_kubernetes"),
        "This python does not have the package django-tasks-kubernetes: install it in the image, or name the python "
        "that has it in the queue's command.",
    ),
    (
        re.compile(r"There is no task to run here"),
        "What is in front of the runner in the queue's command, such as su or sudo, must keep the environment.",
    ),
)
# The message of a status may be cut behind it.
ABOUT_MAX_CHARS = 200
# What the kubelet says of a container that it cannot account for, with the exit codes 255 and 137: after a reboot,
# above all (k8s.io/kubernetes/pkg/kubelet/status and kuberuntime).
LOST_BY_THE_NODE = frozenset({"Unknown", "ContainerStatusUnknown"})
# What the kubelet says of a pod that it evicts for the pod's own limits: of its containers' disk, or of an emptyDir.
# The next one would be evicted as well, so Kubernetes calls it no disruption (k8s.io/kubernetes/pkg/kubelet/eviction).
OWN_LIMITS = (
    "exceeded its local ephemeral storage limit",
    "exceeds the total limit of containers",
    "exceeds the limit",
)
# Reasons of the condition DisruptionTarget: https://kubernetes.io/docs/concepts/workloads/pods/disruptions/
DISRUPTIONS = {
    "PreemptionByScheduler": Reason.PREEMPTED,
    "DeletionByTaintManager": Reason.NODE_LOST,
    "DeletionByPodGC": Reason.NODE_LOST,
    "EvictionByEvictionAPI": Reason.EVICTED,
    "TerminationByKubelet": Reason.EVICTED,
}


def start_problem(pod: Pod) -> StartProblem | None:
    """Find what keeps the pod from starting. None where it only takes its time."""
    if pod.waiting is not None and (reason := WAITING.get(pod.waiting.reason)) is not None:
        message = f"{pod.waiting.reason}: {pod.waiting.message}" if pod.waiting.message else pod.waiting.reason
        permanent = reason is Reason.INVALID_IMAGE_NAME
        return StartProblem(reason=reason, message=message, permanent=permanent, about=_about(pod.waiting, reason))
    if pod.unschedulable is not None:
        return StartProblem(reason=Reason.UNSCHEDULABLE, message=pod.unschedulable)
    return None


def _about(waiting: Waiting, reason: Reason) -> str:
    if reason is Reason.IMAGE_PULL_FAILED:
        return waiting.image
    # What is missing: the kubelet words that in one way.
    return waiting.message[:ABOUT_MAX_CHARS] if waiting.reason == "CreateContainerConfigError" else ""


def reported_outcome(pod: Pod, keys: Iterable[bytes]) -> Outcome | None:
    """Read the outcome in the termination message: the runner writes it there in case its report is not accepted.

    It is signed with the attempt's token: the one in the pod's environment, which nobody can change, or one that the
    `keys` make. The pod's own holds also where the operator was installed again, with a new key. Anything else was
    written by the process or one of its children: the kubelet puts the end of the log there when a process dies.
    """
    if pod.terminated is None:
        return None
    tokens = [sign(key, pod.namespace, pod.task_uid, pod.attempt) for key in keys]
    if pod.token:
        tokens.append(pod.token)
    try:
        outcome = Outcome.from_termination_message(pod.terminated.message, tokens)
    except InvalidReport:
        return None
    ref = outcome.result_ref
    return outcome if ref is None or ref.belongs_to(pod.namespace, pod.task) else None


def end_cause(pod: Pod) -> EndCause:
    """Find why a pod ended that left no outcome."""
    if _ended_before_claim(pod):
        message = "The standby pod had ended when the attempt claimed it: the task was not called."
        return EndCause(reason=Reason.STANDBY_LOST, message=message)
    if pod.disruption is not None:
        reason = DISRUPTIONS.get(pod.disruption, Reason.EVICTED)
        by = f"The pod was disrupted: {pod.disruption}"
        words = pod.message or pod.disruption_message
        return EndCause(reason=reason, message=f"{by}: {words}" if words else f"{by}.")
    if pod.reason == "DeadlineExceeded":
        return EndCause(reason=Reason.DEADLINE_EXCEEDED, message=pod.message)
    if pod.reason == "Evicted" and any(words in pod.message for words in OWN_LIMITS):
        message = f"The pod used more disk than its limits allow, and was stopped: {pod.message.strip()}"
        exit_code = None if pod.terminated is None else pod.terminated.exit_code
        return EndCause(reason=Reason.PROCESS_EXITED, message=message, exit_code=exit_code)
    if pod.reason:
        # The kubelet ends or refuses a pod by its own decision: Evicted, NodeShutdown, OutOfmemory and others.
        return EndCause(reason=Reason.EVICTED, message=f"{pod.reason}: {pod.message}")
    if pod.deleting:
        message = (
            "The pod was deleted before it had a node." if pod.never_runs else "The pod was deleted while the task ran."
        )
        return EndCause(reason=Reason.POD_DELETED, message=message)
    state = pod.terminated
    if state is None:
        which = pod.failed_init or "see its init containers."
        message = f"The pod failed before the task's container started: {which}"
        return EndCause(reason=Reason.INIT_CONTAINER_FAILED, message=message)
    if state.reason in LOST_BY_THE_NODE:
        message = f"The node restarted, or lost sight of the container ({state.reason}): nothing is known of its end."
        return EndCause(reason=Reason.NODE_LOST, message=message, exit_code=state.exit_code)
    if state.reason == "OOMKilled":
        limit = f" of {pod.memory_limit}" if pod.memory_limit else ""
        message = f"The container went over its memory limit{limit} and was killed. Raise the queue's memory limit."
        memory = memory_in_bytes(pod.memory_limit)
        return EndCause(reason=Reason.OOM_KILLED, message=message, exit_code=state.exit_code, memory_limit_bytes=memory)
    if state.reason in ("StartError", "ContainerCannotRun"):
        message = f"The container could not be started: {state.message.rstrip('. ')}.{_remedy(state.message)}"
        return EndCause(reason=Reason.CONTAINER_CONFIG_ERROR, message=message, exit_code=state.exit_code)
    how = _how_it_ended(state.exit_code, state.signal)
    tail = f" The end of its log:\n{state.message}" if state.message else ""
    message = f"The process {how} and reported no outcome.{_remedy(state.message)}{tail}"
    return EndCause(reason=Reason.PROCESS_EXITED, message=message, exit_code=state.exit_code)


def _remedy(words: str) -> str:
    return next((f" {remedy}" for pattern, remedy in NO_RUNNER if pattern.search(words)), "")


def _ended_before_claim(pod: Pod) -> bool:
    """Whether a standby pod certainly ended before it got a task. Times of the kubelet are whole seconds."""
    if not pod.standby or pod.terminated is None or pod.terminated.finished_at is None:
        return False
    return pod.terminated.finished_at + clock_behind(pod) + timedelta(seconds=1) <= pod.created_at


def memory_in_bytes(amount: str | None) -> int | None:
    """An amount of memory, such as 512Mi. None where there is none that can be."""
    try:
        number = quantity(amount) if amount else None
    except (ArithmeticError, ValueError):
        return None
    # First compared: as an int, 1e999999 would fill the memory.
    return int(number) if number is not None and float(number) in MEMORY_BYTES else None


def _how_it_ended(exit_code: int, number: int) -> str:
    # Runtimes report a signal as 128 + its number, and leave the field for it empty.
    number = number or (exit_code - 128 if exit_code > 128 else 0)
    if number in set(signal.Signals):
        return f"was killed by {signal.Signals(number).name}"
    return f"ended with exit code {exit_code}"
