"""Fake nodes: Job pods on them succeed at once, so the control plane is measured and not the machine.

Pods get there with the node selector `type: kwok` and a toleration for `kwok.x-k8s.io/node=fake:NoSchedule`.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from tools.cluster.commands import run
from tools.cluster.golang.builder import module_folder
from tools.cluster.golang.recipes import recipes
from tools.cluster.settings import state_folder, versions

if TYPE_CHECKING:
    from pathlib import Path

    from tools.cluster.base import Provider
    from tools.cluster.progress import Progress

ANNOTATION = "kwok.x-k8s.io/node"
NODE_STAGES = ("node/fast/node-*.yaml", "node/heartbeat-with-lease/*lease*.yaml")
POD_STAGES = ("pod/fast/pod-*.yaml",)
PROCESS = "kwok"


def fake_node(number: int) -> dict[str, Any]:
    """Return a node that kwok looks after; tainted, so that only pods that ask for it land there."""
    name = f"kwok-{number}"
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {"type": "kwok", "kubernetes.io/hostname": name},
            "annotations": {ANNOTATION: "fake"},
        },
        "spec": {"taints": [{"key": ANNOTATION, "value": "fake", "effect": "NoSchedule"}]},
    }


def start(provider: Provider, count: int, progress: Progress, *, pod_stages: Path | None = None) -> None:
    """Create fake nodes and start kwok; restart it when it runs.

    `pod_stages` replaces what happens to pods, for instance by a Stage that adds a termination message.
    """
    # Linux only, as is kwok's supervision; so not imported where this module is only imported.
    from tools.cluster.native.processes import Supervisor

    program = provider.program("kwok")
    state = state_folder()
    stages = state / "run" / "stages.yaml"
    stages.parent.mkdir(parents=True, exist_ok=True)
    folder = module_folder(state, progress, recipes(versions())["kwok"]) / "kustomize" / "stage"
    patterns = NODE_STAGES if pod_stages else (*NODE_STAGES, *POD_STAGES)
    texts = [path.read_text() for pattern in patterns for path in sorted(folder.glob(pattern))]
    stages.write_text("\n---\n".join([*texts, *([pod_stages.read_text()] if pod_stages else [])]))

    nodes = {"apiVersion": "v1", "kind": "List", "items": [fake_node(n) for n in range(1, count + 1)]}
    kubectl = (provider.program("kubectl"), "--kubeconfig", provider.kubeconfig)
    run(*kubectl, "apply", "-f", "-", stdin=json.dumps(nodes))
    supervisor = Supervisor(state / "run", progress)
    supervisor.stop(PROCESS)
    supervisor.start(
        *(PROCESS, program, "--config", stages, "--kubeconfig", provider.kubeconfig),
        *("--manage-all-nodes=false", f"--manage-nodes-with-annotation-selector={ANNOTATION}=fake"),
        namespace=None,
    )
    ready = ("wait", "--for=condition=Ready", f"node/kwok-{count}", "--timeout=30s")
    run(*kubectl, *ready)
    progress.say(PROCESS, f"{count} fake nodes ready")


def stop(provider: Provider, progress: Progress) -> None:
    """Remove the fake nodes and stop kwok."""
    kubectl = (provider.program("kubectl"), "--kubeconfig", provider.kubeconfig)
    run(*kubectl, "delete", "nodes", "-l", "type=kwok", "--wait=false")
    end(progress)
    progress.say(PROCESS, "fake nodes removed")


def end(progress: Progress) -> None:
    """Stop kwok where it runs: it would look for its cluster for ever."""
    if sys.platform == "linux":
        from tools.cluster.native.processes import Supervisor

        Supervisor(state_folder() / "run", progress).stop(PROCESS)
