"""What `up` does with what it finds."""

from dataclasses import replace

import pytest

from tools.cluster.native.judge import Action, Observed, judge

HEALTHY = Observed(
    remains=True, complete=True, same_boot=True, same_configuration=True, namespace=True, dead=(), answers=True
)


@pytest.mark.parametrize(
    ("seen", "action", "says"),
    [
        (HEALTHY, Action.NOTHING, "healthy"),
        (Observed(remains=False), Action.CREATE, "none yet"),
        (replace(HEALTHY, complete=False), Action.REPLACE, "aborted"),
        (replace(HEALTHY, same_boot=False), Action.REPLACE, "restarted"),
        (replace(HEALTHY, same_configuration=False), Action.REPLACE, "versions or flags"),
        (replace(HEALTHY, namespace=False), Action.REPLACE, "namespace"),
        (replace(HEALTHY, answers=False), Action.REPLACE, "does not answer"),
        (replace(HEALTHY, dead=("etcd", "kubelet-node1"), answers=False), Action.REPAIR, "etcd, kubelet-node1"),
        # Nothing of another boot runs, so there is nothing to repair.
        (replace(HEALTHY, same_boot=False, namespace=False, dead=("etcd",)), Action.REPLACE, "restarted"),
        # A process without the files of a complete run: its pid file may never have been written.
        (Observed(remains=True), Action.REPLACE, "aborted"),
    ],
)
def test_judge(seen: Observed, action: Action, says: str) -> None:
    done, why = judge(seen)
    assert done is action
    assert says in why
