"""What a Pod's state says about its attempt. Pure."""

import signal
from dataclasses import dataclass

from djangotasks_api.outcome import InvalidReport, Outcome
from djangotasks_api.phases import Reason
from djangotasks_operator.observed import Pod


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why a pod has not started. `hopeless`: waiting cannot help."""

    reason: Reason
    message: str
    hopeless: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """Why a pod ended without an outcome."""

    reason: Reason
    message: str
    exit_code: int | None = None


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
# Reasons of the condition DisruptionTarget: https://kubernetes.io/docs/concepts/workloads/pods/disruptions/
DISRUPTIONS = {
    "PreemptionByScheduler": Reason.PREEMPTED,
    "DeletionByTaintManager": Reason.NODE_LOST,
    "DeletionByPodGC": Reason.NODE_LOST,
    "EvictionByEvictionAPI": Reason.EVICTED,
    "TerminationByKubelet": Reason.EVICTED,
}


def start_problem(pod: Pod) -> Problem | None:
    """What keeps the pod from starting, or None where it only takes its time."""
    if pod.waiting is not None and (reason := WAITING.get(pod.waiting.reason)) is not None:
        message = f"{pod.waiting.reason}: {pod.waiting.message}" if pod.waiting.message else pod.waiting.reason
        return Problem(reason=reason, message=message, hopeless=reason is Reason.INVALID_IMAGE_NAME)
    if pod.unschedulable is not None:
        return Problem(reason=Reason.UNSCHEDULABLE, message=pod.unschedulable)
    return None


def reported_outcome(pod: Pod) -> Outcome | None:
    """The outcome in the termination message: the runner leaves it there in case nobody took its report."""
    if pod.terminated is None or not pod.terminated.message.startswith("{"):
        return None
    try:
        outcome = Outcome.from_json(pod.terminated.message)
    except InvalidReport:
        return None
    ref = outcome.result_ref
    return outcome if ref is None or ref.belongs_to(pod.namespace, pod.task) else None


def death(pod: Pod) -> Death:
    """Why a pod that ended, and left no outcome, did so."""
    if pod.disruption is not None:
        reason = DISRUPTIONS.get(pod.disruption, Reason.EVICTED)
        return Death(reason=reason, message=pod.message or f"The pod was disrupted: {pod.disruption}.")
    if pod.reason == "DeadlineExceeded":
        return Death(reason=Reason.DEADLINE_EXCEEDED, message=pod.message)
    if pod.reason:
        # The kubelet ends or refuses a pod by its own decision: Evicted, NodeShutdown, OutOfmemory, …
        return Death(reason=Reason.EVICTED, message=f"{pod.reason}: {pod.message}")
    if pod.deleting:
        return Death(reason=Reason.POD_DELETED, message="The pod was deleted while the task ran.")
    state = pod.terminated
    if state is None:
        message = "The pod failed before the task's container started: see its init containers."
        return Death(reason=Reason.INIT_CONTAINER_FAILED, message=message)
    if state.reason == "OOMKilled":
        message = "The container went over its memory limit and was killed. Raise the queue's memory limit."
        return Death(reason=Reason.OOM_KILLED, message=message, exit_code=state.exit_code)
    if state.reason in ("StartError", "ContainerCannotRun"):
        message = f"The container could not be started: {state.message}"
        return Death(reason=Reason.CONTAINER_CONFIG_ERROR, message=message, exit_code=state.exit_code)
    how = _how_it_ended(state.exit_code, state.signal)
    tail = f" The end of its log:\n{state.message}" if state.message else ""
    message = f"The process {how} and reported no outcome.{tail}"
    return Death(reason=Reason.PROCESS_EXITED, message=message, exit_code=state.exit_code)


def _how_it_ended(exit_code: int, number: int) -> str:
    # Runtimes report a signal as 128 + its number, and leave the field for it empty.
    number = number or (exit_code - 128 if exit_code > 128 else 0)
    if number in set(signal.Signals):
        return f"was killed by {signal.Signals(number).name}"
    return f"ended with exit code {exit_code}"
