"""`make run-operator`: this tree's operator outside of the test cluster, restarted when its code changes.

It works in one namespace, `try` by default, whose queue `default` runs the example's tasks. It has this
terminal: a `breakpoint()` in its code stops there.
"""

from __future__ import annotations

import os
import shlex
import signal
import sys
from pathlib import Path

import click
from watchfiles import PythonFilter, run_process

from tools.cluster import ROOT, Target
from tools.cluster.cluster import Cluster
from tools.manifests import queue_manifest

SOURCES = (ROOT / "operator" / "src", ROOT / "crds" / "src")
TRY = """
Watch, in another terminal:
  export KUBECONFIG={kubeconfig}
  {kubectl} -n {namespace} get djangotasks --watch
And enqueue:
  {kubectl} -n {namespace} create -f - <<EOF
apiVersion: djangotasks.dev/v1alpha1
kind: DjangoTask
metadata:
  generateName: add-
spec:
  task: shop.probes.add
  payload: '{{"args":[1,2],"kwargs":{{}}}}'
EOF
"""


@click.command()
@click.option("--namespace", default="try", show_default=True)
@click.option("--port", default=8080, show_default=True, help="Where pods report.")
@click.option("--health-port", type=int, help="Of /metrics, /healthz and /readyz.  [default: the next one]")
def main(namespace: str, port: int, health_port: int | None) -> None:
    """Run the operator on this machine, for one namespace of the test cluster, with live reload."""
    cluster = Cluster.ready()
    kubectl = cluster.kubectl(namespace)
    kubectl.make_namespace()
    kubectl.apply(queue_manifest("default", cluster.image(Target.EXAMPLE)))
    click.echo(TRY.format(kubeconfig=cluster.kubeconfig, kubectl=kubectl.program, namespace=namespace))
    os.environ["KUBECONFIG"] = str(cluster.kubeconfig)
    command = [
        *(sys.executable, "-m", "djangotasks_operator", "run", "--verbose", "--namespace", namespace),
        *("--report-url", f"http://{cluster.provider.host_address()}:{port}"),
        *(
            "--port",
            str(port),
            "--health-port",
            str(health_port or port + 1),
            "--key-file",
            str(_key(cluster.kubeconfig.parent)),
        ),
    ]
    run_process(
        *SOURCES,
        target=shlex.join(command),
        target_type="command",
        watch_filter=PythonFilter(),
        callback=lambda changes: click.echo(f"reload: {', '.join(sorted(Path(path).name for _, path in changes))}"),
        sigint_timeout=15,
    )


def _key(folder: Path) -> Path:
    """Kept over a reload, so that pods that run meanwhile can still report."""
    path = folder / "run-operator.key"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(os.urandom(32).hex())
    return path


if __name__ == "__main__":
    # The group's SIGINT reaches the operator too.
    # Of a shell's background job SIGINT is ignored, unless it is asked for.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    main()
