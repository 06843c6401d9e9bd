"""`manage.py schedules` and `kubectl djangotask schedules` as people use them, and the Job of the web app's chart."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.tasks.backends.base import BaseTaskBackend

from tests.docs.markdown import blocks
from tests.support.charts import WEB_APP
from tests.support.shells import PROGRAMS, SECONDS, Shell, manage, plugin
from tests.support.tasks import wait_phase
from tools.cluster import ROOT, Target
from tools.cluster.cluster import Cluster
from tools.kubectl import Kubectl, StepFailed, wait_for

RELEASE = "tasks"
DECLARED = "shop-maintenance-clean-up"
PAGE = ROOT / "docs" / "how-to" / "schedules.md"
# To the next minute, and what a busy machine needs.
MINUTE_SECONDS = 300.0


def schedule(name: str, *, project: str | None = None, **spec: Any) -> dict[str, Any]:
    labels = {} if project is None else {"djangotasks.dev/declared-by": project}
    task = {"task": "shop.probes.add", "payload": '{"args":[1,2],"kwargs":{}}'}
    return {
        "apiVersion": "djangotasks.dev/v1alpha1",
        "kind": "DjangoTaskSchedule",
        "metadata": {"name": name, "labels": labels},
        "spec": {"cron": ["0 2 * * *"], "timeZone": "Europe/Berlin", "task": task} | spec,
    }


def names(kubectl: Kubectl) -> set[str]:
    return set(kubectl("get", "djangotaskschedules", "-o", "jsonpath={.items[*].metadata.name}").split())


def wait_condition(kubectl: Kubectl, name: str, reason: str) -> None:
    condition = f"--for=jsonpath={{.status.conditions[0].reason}}={reason}"
    kubectl("wait", f"djangotaskschedule/{name}", condition, "--timeout=240s", seconds=250)


@pytest.fixture(params=["kubectl", "manage.py"])
def shell(request: pytest.FixtureRequest, cluster: Cluster, namespace: str, backend: BaseTaskBackend) -> Shell:
    if request.param == "manage.py":
        return manage(namespace, cluster.kubeconfig, "schedules")
    found = plugin(cluster, namespace, cluster.kubeconfig)
    return Shell((*found.command, "schedules"), found.environ, found.options)


@pytest.fixture(scope="module")
def project(cluster: Cluster, namespace: str) -> Shell:
    """Where the example's code is."""
    found = manage(namespace, cluster.kubeconfig, "schedules")
    return Shell(found.command, found.environ | {"DJANGO_SETTINGS_MODULE": "tests.support.schedule_settings"})


@pytest.fixture
def fresh(kubectl: Kubectl) -> Iterator[None]:
    """No schedule is left for the next test."""
    yield
    kubectl("delete", "djangotaskschedules", "--all")


@pytest.mark.usefixtures("fresh")
def test_a_schedule_is_listed_run_suspended_and_resumed(shell: Shell, kubectl: Kubectl) -> None:
    kubectl.apply(schedule("often", cron=["* * * * *"]))
    kubectl.apply(schedule("nightly"))

    def fired() -> str | None:
        return kubectl("get", "djangotaskschedule", "often", "-o", "jsonpath={.status.lastTask}") or None

    last = wait_for("often has fired", fired, seconds=MINUTE_SECONDS)
    wait_phase(kubectl, last, "Succeeded")
    listed = shell("list")
    assert (listed.code, listed.err) == (0, "")
    heading, *rows = listed.out.splitlines()
    assert heading.split() == ["NAME", "SCHEDULE", "ZONE", "SUSPENDED", "ACTIVE", "LAST", "NEXT", "REASON"]
    assert [row.split()[0] for row in rows] == ["nightly", "often"]
    assert "T02:00+0" in rows[0]
    upcoming = shell("list", "--next", "2").out
    assert upcoming.count("nightly") == upcoming.count("often") == 2

    before = datetime.now(UTC)
    ran = shell("run", "nightly", "no-such-schedule")
    assert (ran.code, "There is no schedule 'no-such-schedule'" in ran.err) == (1, True)
    id_ = ran.out.split()[-1]
    assert wait_phase(kubectl, id_, "Succeeded")["result"] == "3"
    made = kubectl.get("djangotask", id_)
    assert before <= datetime.fromisoformat(made["spec"]["scheduledFor"]) <= datetime.now(UTC)
    assert made["metadata"]["labels"]["djangotasks.dev/schedule"] == "nightly"

    assert shell("suspend", "often").out == "often: suspended\n"
    wait_condition(kubectl, "often", "Suspended")
    assert "Suspended" in shell("list").out
    assert shell("resume", "often").out == "often: resumed\n"
    wait_condition(kubectl, "often", "Ready")


@pytest.mark.usefixtures("fresh")
def test_past_times_are_made_up_for_once(shell: Shell, kubectl: Kubectl) -> None:
    kubectl.apply(schedule("nightly", startingDeadlineSeconds=60))
    last = datetime.now(UTC).date() - timedelta(days=1)
    times = ("--from", f"{last - timedelta(days=2)}", "--to", f"{last}T12:00")
    tried = shell("backfill", "nightly", *times, "--dry-run")
    assert (tried.code, tried.out.count("would be created")) == (0, 3)
    refused = shell("backfill", "nightly", *times)
    assert (refused.code, "give --yes" in refused.err) == (2, True)
    made = shell("backfill", "nightly", *times, "--yes")
    assert (made.code, made.err) == (0, "")
    tasks = [line.partition(":")[0] for line in made.out.splitlines()]
    for task in tasks:
        # Their starting deadline is long past, and does not count.
        wait_phase(kubectl, task, "Succeeded")
    again = shell("backfill", "nightly", *times, "--yes")
    assert again.out.splitlines() == [f"{task}: exists" for task in tasks]
    for task in tasks:
        kubectl("delete", "djangotask", task)


@pytest.mark.usefixtures("fresh", "backend")
def test_sync_sets_what_the_code_says_and_leaves_the_rest(project: Shell, kubectl: Kubectl) -> None:
    for made in (schedule("old", project="tests"), schedule("theirs", project="other"), schedule("by-hand")):
        kubectl.apply(made)
    differs = project("diff", "--prune")
    assert (differs.code, differs.err) == (1, "")
    assert f"{DECLARED}: would be created" in differs.out
    tried = project("sync", "--prune", "--dry-run", "--json")
    assert {one["name"]: one["action"] for one in tried.objects} == {DECLARED: "created", "old": "deleted"}
    assert names(kubectl) == {"old", "theirs", "by-hand"}

    assert project("sync", "--prune").code == 0
    assert names(kubectl) == {DECLARED, "theirs", "by-hand"}
    assert project("diff", "--prune").code == 0

    # Suspended by hand, and changed by hand.
    kubectl(
        "patch",
        "djangotaskschedule",
        DECLARED,
        "--type=merge",
        "--patch",
        '{"spec":{"suspended":true,"cron":["@daily"]}}',
    )
    (changed,) = project("sync", "--json").objects
    assert (changed["action"], changed["changes"]) == ("changed", {"cron": [["@daily"], ["17 3 * * *"]]})
    spec = kubectl.get("djangotaskschedule", DECLARED)["spec"]
    assert (spec["suspended"], spec["cron"]) == (True, ["17 3 * * *"])

    kubectl("label", "djangotaskschedule", DECLARED, "djangotasks.dev/declared-by=other", "--overwrite")
    refused = project("sync", "--prune")
    assert (refused.code, "is declared by 'other'" in refused.err) == (1, True)
    assert project("sync", "--take-over").code == 0


@pytest.mark.usefixtures("fresh", "backend")
def test_sync_takes_over_from_kubectl(project: Shell, kubectl: Kubectl) -> None:
    """An apply leaves what another manager has set, though the code does not say it any more."""
    written = schedule(DECLARED, project="tests", everyMinutes=5, jitterSeconds=30, suspended=True)
    del written["spec"]["cron"]
    kubectl("apply", "--filename=-", stdin=json.dumps(written))
    assert "- everyMinutes: 5" in project("diff").out
    assert project("sync").err == ""
    spec = kubectl.get("djangotaskschedule", DECLARED)["spec"]
    assert (spec["cron"], spec["jitterSeconds"], spec["suspended"]) == (["17 3 * * *"], 0, True)
    assert "everyMinutes" not in spec

    # By hand, without the label.
    kubectl("patch", "djangotaskschedule", DECLARED, "--type=merge", '--patch={"spec":{"cron":null,"everyMinutes":7}}')
    (changed,) = project("sync", "--json").objects
    assert changed["changes"] == {"cron": [None, ["17 3 * * *"]], "everyMinutes": [7, None]}
    assert project("diff").code == 0


@pytest.mark.usefixtures("backend")
def test_yaml_is_what_the_example_has(project: Shell, kubectl: Kubectl) -> None:
    written = project("yaml", "--declared-by", "shop").out
    assert list(yaml.safe_load_all(written)) == list(
        yaml.safe_load_all((ROOT / "examples" / "shop" / "k8s" / "schedules.yaml").read_text())
    )
    kubectl("apply", "--dry-run=server", "--filename=-", stdin=written)


@pytest.fixture(scope="module")
def install(cluster: Cluster, kubectl: Kubectl, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    kubectl("create", "serviceaccount", "web")

    def run(**schedules: Any) -> str:
        values = {
            "serviceAccounts": ["web"],
            "app": {
                "image": cluster.image(Target.EXAMPLE),
                "imagePullPolicy": "IfNotPresent",
                "env": [{"name": "DJANGO_SECRET_KEY", "value": "for tests"}],
            },
            "schedules": {"sync": True} | schedules,
        }
        path = tmp_path_factory.mktemp("chart") / "values.yaml"
        path.write_text(json.dumps(values))
        where = ("--namespace", kubectl.namespace, "--values", str(path), "--timeout", f"{SECONDS}s")
        return cluster.helm("upgrade", "--install", RELEASE, str(WEB_APP), *where)

    return run


@pytest.mark.usefixtures("fresh")
def test_the_chart_syncs_at_each_deploy(install: Callable[..., str], kubectl: Kubectl) -> None:
    kubectl.apply(schedule("old", project=RELEASE))
    kubectl.apply(schedule("theirs", project="other"))
    install()
    assert names(kubectl) == {DECLARED, "theirs"}
    assert kubectl.get("djangotaskschedule", DECLARED)["metadata"]["labels"]["djangotasks.dev/declared-by"] == RELEASE
    assert "job" not in kubectl("get", "jobs", "-l", "app.kubernetes.io/component=schedules", "-o", "name")

    # A schedule that is not the project's fails the upgrade, and the log of the Job says why.
    kubectl("label", "djangotaskschedule", DECLARED, "djangotasks.dev/declared-by=other", "--overwrite")
    with pytest.raises(AssertionError, match="post-upgrade hooks failed"):
        install(timeoutSeconds=30)
    assert "is declared by 'other'" in kubectl("logs", "-l", "app.kubernetes.io/component=schedules", "--tail=-1")
    install(args=["--take-over"])


@pytest.mark.parametrize(
    ("account", "verb", "resource", "allowed"),
    [
        *(
            ("tasks-schedules", verb, "djangotaskschedules", True)
            for verb in ("get", "list", "create", "patch", "delete")
        ),
        ("tasks-schedules", "create", "djangotasks", False),
        ("tasks-schedules", "patch", "djangotaskqueues", False),
        ("tasks-schedules", "get", "secrets", False),
        *(("web", verb, "djangotaskschedules", False) for verb in ("get", "list", "create", "patch", "delete")),
    ],
)
def test_rights_of_the_chart(
    install: Callable[..., str], kubectl: Kubectl, account: str, verb: str, resource: str, allowed: bool
) -> None:
    user = f"--as=system:serviceaccount:{kubectl.namespace}:{account}"
    group = ".djangotasks.dev" if resource.startswith("django") else ""
    try:
        said = kubectl("auth", "can-i", verb, resource + group, user).strip()
    except StepFailed:
        said = "no"
    assert (said == "yes") is allowed


@pytest.mark.usefixtures("fresh", "backend")
def test_each_command_of_the_guide(cluster: Cluster, project: Shell, kubectl: Kubectl, tmp_path: Path) -> None:
    """As it stands there. The chart's is another story."""
    kubectl.apply(schedule("shop-clean-up"))
    assert project("run", "shop-clean-up").code == 0
    config = yaml.safe_load(cluster.kubeconfig.read_text())
    for context in config["contexts"]:
        context["context"]["namespace"] = kubectl.namespace
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(json.dumps(config))
    (tmp_path / "kubectl").symlink_to(cluster.kubectl_program)
    (tmp_path / "manage.py").write_text(
        "import sys; from django.core.management import execute_from_command_line as run; run(sys.argv)"
    )
    environ = project.environ | {"KUBECONFIG": str(kubeconfig), "PATH": f"{tmp_path}:{PROGRAMS}:{os.environ['PATH']}"}
    commands = [
        line.partition("#")[0].strip()
        for block in blocks(PAGE.read_text())
        if block.language == "sh" and not block.text.startswith("helm")
        for line in block.text.splitlines()
    ]
    assert len(commands) > 10
    for command in commands:
        done = subprocess.run(
            command.split(), cwd=tmp_path, env=environ, capture_output=True, text=True, check=False, timeout=SECONDS
        )
        expected = 1 if command.endswith("schedules diff") else 0
        assert (done.returncode, done.stderr) == (expected, ""), command
        assert done.stdout, command
