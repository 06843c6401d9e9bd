"""Brings the native cluster up from whatever state it is in, and down."""

from __future__ import annotations

import hashlib
import json
import time
from typing import TYPE_CHECKING

from tools.cluster.errors import ProviderError
from tools.cluster.native import api, cleanup, control_plane, identity, network, node, pki
from tools.cluster.native.judge import Action, Observed, judge
from tools.cluster.native.layout import NODE1, Layout
from tools.cluster.native.processes import Supervisor

if TYPE_CHECKING:
    from tools.cluster.progress import Progress
    from tools.cluster.settings import Versions

# A machine that is busy with a benchmark answers late; that alone must not cost it its cluster.
PATIENCE = 30


class Cluster:
    """The one cluster of a state folder. Callers hold the lock."""

    def __init__(self, layout: Layout, versions: Versions, progress: Progress) -> None:
        self._layout = layout
        self._versions = versions
        self._progress = progress
        self._supervisor = Supervisor(layout.run, progress)

    def observe(self, *, patience: float = PATIENCE) -> Observed:
        """Look at what is there, changing nothing."""
        layout, supervisor = self._layout, self._supervisor
        if not layout.run.exists() and not network.exists():
            return Observed(remains=bool(supervisor.find_all()))
        recorded = self._recorded()
        dead = tuple(name for name in self._names() if not supervisor.alive(name))
        known = bool(recorded) and not dead
        return Observed(
            remains=True,
            complete=bool(recorded),
            same_boot=recorded.get("boot") == identity.boot(),
            same_configuration=recorded.get("configuration") == self._fingerprint(),
            namespace=network.exists(),
            dead=dead,
            answers=known and self._answers(patience),
        )

    def up(self) -> Action:
        """Make the cluster run; returns what had to be done."""
        action, why = judge(self.observe())
        if action is Action.NOTHING:
            self._progress.say("cluster", "up and healthy (nothing to do)")
            return action
        self._progress.say("cluster", why)
        if action is Action.REPAIR:
            try:
                self._start()
            except ProviderError as error:
                self._progress.say("cluster", f"cannot be repaired, so replaced: {error}")
                action = Action.REPLACE
        if action is Action.REPLACE:
            self.down()
        if action is not Action.REPAIR:
            self._create()
        return action

    def down(self) -> None:
        """Remove the cluster and all that is left of one."""
        stopped = cleanup.remove(self._layout, self._supervisor)
        self._progress.say("cluster", f"removed ({stopped} processes)")

    def _create(self) -> None:
        layout = self._layout
        layout.run.mkdir(parents=True)
        network.create()
        pki.create(layout)
        node.prepare(layout, NODE1)
        self._progress.say("network and certificates", "made")
        self._start()
        record = {"boot": identity.boot(), "configuration": self._fingerprint()}
        layout.complete.write_text(json.dumps(record))

    def _start(self) -> None:
        """Start whatever does not run, in an order in which nothing waits for what is not yet started."""
        layout, supervisor = self._layout, self._supervisor
        control_plane.start_api(layout, supervisor)
        node.start_containerd(layout, NODE1, supervisor)
        control_plane.start_rest(layout, supervisor)
        node.start_kubelet(layout, NODE1, supervisor)
        control_plane.wait_usable(layout, supervisor)
        node.wait_ready(layout, NODE1, supervisor)

    def _names(self) -> tuple[str, ...]:
        return (*control_plane.NAMES, *node.names(NODE1))

    def _answers(self, patience: float) -> bool:
        deadline = time.monotonic() + patience
        while not (api.ready(self._layout.pki) and api.node_ready(self._layout.pki, NODE1.name)):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.5)
        return True

    def _recorded(self) -> dict[str, str]:
        try:
            recorded = json.loads(self._layout.complete.read_text())
        except (OSError, ValueError):
            return {}
        return recorded if isinstance(recorded, dict) else {}

    def _fingerprint(self) -> str:
        """Return a digest of all that decides how the cluster behaves."""
        layout = self._layout
        versions = [self._versions.kubernetes, self._versions.containerd]
        parts = [versions, control_plane.flags(layout), node.files(layout, NODE1)]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
