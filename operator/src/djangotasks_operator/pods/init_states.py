"""What a Pod's init containers say: which one its containers wait for, and which one failed. Pure."""

from collections.abc import Iterator

from djangotasks_operator.pods.init_containers import is_sidecar
from djangotasks_operator.pods.views import Body


def initializing(body: Body) -> str | None:
    """The one that runs, and lets no other container start before it has ended, or a sidecar before it is ready."""
    for name, sidecar, status in _states(body):
        if "running" in (status.get("state") or {}):
            if not sidecar:
                return f"The init container {name!r} has not ended."
            if not status.get("started"):
                return f"The sidecar {name!r} has not started up: see its startup probe, or its postStart hook."
    return None


def failed_init(body: Body) -> str | None:
    """How an init container failed, after which no other one starts. Sidecars are then stopped, and are not meant."""
    for name, sidecar, status in _states(body):
        ended = (status.get("state") or {}).get("terminated") or {}
        if not sidecar and ended.get("exitCode"):
            reason = ended.get("reason") or "Error"
            how = f"exit code {ended['exitCode']}{'' if reason == 'Error' else f' ({reason})'}"
            left = f" It left:\n{ended['message']}" if ended.get("message") else ""
            return f"its init container {name!r} ended with {how}.{left}"
    return None


def _states(body: Body) -> Iterator[tuple[str, bool, Body]]:
    """Its name, whether it is a native sidecar, and its status."""
    inits = {each.get("name"): each for each in (body.get("spec") or {}).get("initContainers") or ()}
    for status in (body.get("status") or {}).get("initContainerStatuses") or ():
        if (spec := inits.get(status.get("name"))) is not None:
            yield str(status["name"]), is_sidecar(spec), status
