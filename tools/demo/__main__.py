"""python -m tools.demo: the whole story, from no cluster at all to the results of four tasks and a workflow."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from textwrap import indent
from typing import TYPE_CHECKING, Any

from django_tasks_kubernetes.cli.kubectl import main as djangotask
from djangotasks_api.names import TASK_LABEL
from djangotasks_api.phases import Phase
from tools.cluster import Progress, Provider, ProviderError, Target, choose, image_ref
from tools.demo.deploy import admin_password, deploy
from tools.demo.installation import NAMESPACE as OPERATOR_NAMESPACE
from tools.demo.installation import install_operator
from tools.kubectl import Kubectl, StepFailed, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMESPACE = "djangotasks-demo"
TASK_SECONDS = 120
# In which the orders of demo_data have several customers.
MONTH = "2026-10"
EXPECTED = {"receipt": "SUCCESSFUL", "report": "SUCCESSFUL", "clean-up": "SUCCESSFUL", "failure": "FAILED"}
NEXT = """
The tasks in Django's admin: http://localhost:8001/admin/ with the user admin and the password {password}
It is there while this runs:
  {kubectl} --kubeconfig {kubeconfig} -n {namespace} port-forward service/admin 8001:80
What to try next:
  export KUBECONFIG={kubeconfig}
  alias shop='{kubectl} -n {namespace}'
  shop get djangotasks --watch                               # in one terminal, and in another:
  shop exec deploy/web -- python manage.py enqueue shop.probes.sleep 20
  shop exec deploy/web -- python manage.py enqueue shop.probes.allocate      # until it is OOMKilled
  shop describe djangotask {failure}
  shop djangotask workflows show {flow}                      # the statements of October
  shop exec deploy/web -- python manage.py monthly_report 2026-03
  shop get jobs,pods
  shop logs deploy/smtp                                      # the e-mails that arrived
  {kubectl} -n {operator} logs deploy/djangotasks
"""

Results = dict[str, dict[str, Any]]


def main() -> None:
    # What comes on stdout keeps its place among the progress lines on stderr, in a file too.
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    progress = Progress()
    try:
        run(progress)
    except (StepFailed, ProviderError) as error:
        progress.say("error", f"{error}\n{'\n'.join(getattr(error, '__notes__', ()))}")
        sys.exit(1)


def run(progress: Progress) -> None:
    with step("the cluster"):
        provider = choose(progress)
        kubeconfig = provider.up()
        kubectl = Kubectl(provider.program("kubectl"), kubeconfig, NAMESPACE)
    with step("the images"):
        images = load_images(provider, progress)
    with step("the operator"):
        kubectl.make_namespace()
        install_operator(provider, images[Target.OPERATOR], watch=NAMESPACE)
        progress.say("operator", "runs")
    with step("the shop"):
        deploy(kubectl, images, lambda what: progress.say("shop", what))
        progress.say("shop", kubectl.manage("check", "--deploy", "--tag", "tasks", "--database", "default").strip())
        progress.say("shop", kubectl.manage("demo_data").strip())
    with step("the tasks"):
        # Inside the web pod: with the image, the environment and the rights of the web app.
        ids: dict[str, str] = json.loads(kubectl.manage("demo_enqueue"))
        progress.say("tasks", f"enqueued {', '.join(ids)}")
        wait_until_finished(kubectl, ids, progress)
    print("\n$ kubectl get djangotasks -o wide")
    print(kubectl("get", "djangotasks", *ids.values(), "-o", "wide"))
    with step("the workflow"):
        flow = kubectl.manage("monthly_report", MONTH).strip()
        print(f"\n$ kubectl djangotask workflows watch {flow}")
        watch_workflow(kubectl, flow)
    with step("the results"):
        found = {result["id"]: result for result in json.loads(kubectl.manage("demo_results", *ids.values()))}
        results = {name: found[id_] for name, id_ in ids.items()}
        show(results)
        check(results)
    context = {"kubeconfig": kubeconfig, "kubectl": kubectl.program, "namespace": NAMESPACE}
    names = {"failure": ids["failure"], "flow": flow, "password": admin_password(kubectl)}
    print(NEXT.format(**context, **names, operator=OPERATOR_NAMESPACE))
    progress.say("demo", "done: three tasks and a workflow succeeded, and one task failed as it was meant to")


def watch_workflow(kubectl: Kubectl, name: str) -> None:
    """Shows its tree while it runs. Raises StepFailed unless it succeeds in time."""
    place = ("--namespace", kubectl.namespace, "--kubeconfig", str(kubectl.kubeconfig))
    code = djangotask(["workflows", "watch", name, "--timeout", str(TASK_SECONDS), *place])
    if code:
        raise StepFailed(
            f"the workflow {name} ended with {code}:\n{kubectl('get', 'djangotaskworkflow', name, '-o', 'yaml')}"
        )


@contextmanager
def step(name: str) -> Iterator[None]:
    """Says which step it was when one fails."""
    try:
        yield
    except (StepFailed, ProviderError) as error:
        error.add_note(f"The demo stopped at {name}. Once the cause is gone, run it again: it goes on from there.")
        raise


def load_images(provider: Provider, progress: Progress) -> dict[Target, str]:
    """Builds what changed. The names are taken once: a file that changes meanwhile must not change them."""
    images = {target: image_ref(target) for target in Target}
    for target, ref in images.items():
        provider.build_image(target, ref)
        provider.load_image(ref)
        progress.say("image", ref)
    return images


def wait_until_finished(kubectl: Kubectl, ids: dict[str, str], progress: Progress) -> None:
    """Says each change of phase. Raises StepFailed with the tasks' and their pods' state."""
    phases: dict[str, Phase] = {}

    def finished() -> bool | None:
        items = {item["metadata"]["name"]: item for item in kubectl.get("djangotasks", *ids.values())["items"]}
        for name, id_ in ids.items():
            phase = Phase(items[id_].get("status", {}).get("phase", Phase.QUEUED))
            if phases.get(name) != phase:
                progress.say(name, phase)
            phases[name] = phase
        return True if all(phase.is_terminal for phase in phases.values()) else None

    def why() -> str:
        return f"{kubectl('get', 'djangotask', '-o', 'wide')}\n{kubectl.diagnosis(TASK_LABEL)}"

    wait_for("all tasks finished", finished, seconds=TASK_SECONDS, why=why)


def show(results: Results) -> None:
    print("\nWhat get_result() says, in the web pod:")
    for name, result in results.items():
        print(f"\n{name}: {result['task']} {result['status']} in {result['attempts']} attempt(s)")
        for error in result["errors"]:
            print(indent(error["traceback"].strip(), "    "))
        if result["return_value"] is not None:
            text = json.dumps(result["return_value"], ensure_ascii=False)
            print(f"    returned {text if len(text) <= 400 else f'{text[:400]}… ({len(text):,} characters)'}")


def check(results: Results) -> None:
    unexpected = [
        f"{name} is {results[name]['status']}, expected {status}"
        for name, status in EXPECTED.items()
        if results[name]["status"] != status
    ]
    if unexpected:
        raise StepFailed("; ".join(unexpected))


if __name__ == "__main__":
    main()
