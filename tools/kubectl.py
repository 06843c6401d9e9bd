"""kubectl in one namespace, and waiting for what it should show."""

from __future__ import annotations

import json
import shlex
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

POLL_SECONDS = 0.3
# A test cluster may have no DNS, which every pod there then says.
TELLING_EVENTS = "type=Warning,reason!=MissingClusterDNS"


class StepFailed(Exception):
    """A step did not do what it should. The message is for a person: what, and what the cluster says of it."""


def wait_for[T](what: str, check: Callable[[], T | None], *, seconds: float, why: Callable[[], str] = str) -> T:
    """Returns the first answer of `check` that is not None. After so many seconds: StepFailed, with what `why` says."""
    deadline = time.monotonic() + seconds
    while (answer := check()) is None:
        if time.monotonic() > deadline:
            raise StepFailed(f"{what}: not after {seconds:.0f} s\n{why()}".rstrip())
        time.sleep(POLL_SECONDS)
    return answer


@dataclass(frozen=True)
class Kubectl:
    program: Path
    kubeconfig: Path
    namespace: str

    def __call__(self, *arguments: str, stdin: str = "", seconds: float = 120) -> str:
        """Runs a command and returns its stdout. Raises StepFailed with its stderr."""
        base = [str(self.program), "--kubeconfig", str(self.kubeconfig), "--namespace", self.namespace]
        try:
            done = subprocess.run(
                [*base, *arguments], input=stdin, capture_output=True, text=True, check=False, timeout=seconds
            )
        except subprocess.TimeoutExpired:
            raise StepFailed(f"`kubectl {shlex.join(arguments)}` took more than {seconds:.0f} s") from None
        if done.returncode != 0:
            said = (done.stderr + done.stdout).strip()
            raise StepFailed(f"`kubectl {shlex.join(arguments)}` ended with {done.returncode}:\n{said[-4000:]}")
        return done.stdout

    def get(self, *arguments: str) -> Any:
        return json.loads(self("get", *arguments, "-o", "json"))

    def apply(self, *objects: dict[str, Any]) -> None:
        self("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))

    def manage(self, *arguments: str, seconds: float = 120) -> str:
        """Runs `python manage.py …` inside the web pod: with its image, its environment and its rights."""
        return self("exec", self._web_pod(), "-c", "web", "--", "python", "manage.py", *arguments, seconds=seconds)

    def make_namespace(self) -> None:
        """One that admits only pods of the restricted Pod Security Standard, unless it is there."""
        metadata = {"name": self.namespace, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})

    def roll_out(self, deployment: str, *, seconds: int, selector: str = "") -> None:
        """Waits until a deployment serves. Raises StepFailed with its pods, their events and their last words.

        `selector`: of its pods, where that is not the label `app`.
        """
        try:
            self("rollout", "status", f"deployment/{deployment}", f"--timeout={seconds}s", seconds=seconds + 10)
        except StepFailed as error:
            raise StepFailed(f"{error}\n{self.diagnosis(selector or f'app={deployment}')}") from None

    def diagnosis(self, selector: str) -> str:
        """Describe pods that do not do what they should, with their logs and events."""
        commands = [
            ("get", "pods", "-l", selector, "-o", "wide"),
            ("get", "events", "--sort-by=.lastTimestamp", f"--field-selector={TELLING_EVENTS}"),
            ("logs", "-l", selector, "--all-containers", "--tail=20", "--prefix"),
        ]
        return "\n".join(f"$ kubectl {shlex.join(command)}\n{self._tail(*command)}" for command in commands)

    def _tail(self, *command: str) -> str:
        try:
            lines = self(*command).splitlines()
        except StepFailed as error:
            return str(error)
        return "\n".join(lines if len(lines) <= 20 else [lines[0], "…", *lines[-18:]])

    def _web_pod(self) -> str:
        """A web pod that serves: after a new rollout the old ones are still there for a while."""
        for pod in self.get("pods", "-l", "app=web")["items"]:
            conditions = {c["type"]: c["status"] for c in pod["status"].get("conditions", ())}
            if "deletionTimestamp" not in pod["metadata"] and conditions.get("Ready") == "True":
                name: str = pod["metadata"]["name"]
                return name
        raise StepFailed(f"no web pod is ready\n{self.diagnosis('app=web')}")
