"""What an account may do, as the API server has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.kubectl import StepFailed, wait_for

if TYPE_CHECKING:
    from tools.kubectl import Kubectl

GRANT_SECONDS = 60.0


def can_i(kubectl: Kubectl, account: str, verb: str, resource: str, *options: str) -> bool:
    """Asks in kubectl's namespace. `resource` may be of the form pods/log, `options` a name."""
    kind, _, subresource = resource.partition("/")
    question = [verb, kind, *options, *([f"--subresource={subresource}"] if subresource else [])]
    try:
        answer = kubectl("auth", "can-i", *question, f"--as={account}")
    except StepFailed as error:
        if not str(error).rstrip().endswith("no"):
            raise
        return False
    assert answer.strip() == "yes"
    return True


def wait_granted(kubectl: Kubectl, account: str, verb: str, resource: str) -> None:
    """The API server goes by a new Role a moment after it was made."""
    granted = f"{account} may {verb} {resource}"
    wait_for(granted, lambda: can_i(kubectl, account, verb, resource) or None, seconds=GRANT_SECONDS)
