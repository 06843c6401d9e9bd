"""`manage.py tasks` and `kubectl djangotask` as people use them: each verb, and what each says when it cannot."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from django.tasks.backends.base import BaseTaskBackend
from shop import probes

from tests.support.charts import WEB_APP
from tests.support.shells import SECONDS, Shell, ended, manage, plugin, wait_said
from tests.support.tasks import create_task, finish, wait_gone, wait_phase, wait_status
from tools.cluster import ROOT, Target
from tools.cluster.cluster import Cluster
from tools.kubectl import Kubectl
from tools.manifests import queue_manifest


@pytest.fixture(params=["kubectl", "manage.py"])
def shell(request: pytest.FixtureRequest, cluster: Cluster, namespace: str, backend: BaseTaskBackend) -> Shell:
    if request.param == "kubectl":
        return plugin(cluster, namespace, cluster.kubeconfig)
    return manage(namespace, cluster.kubeconfig)


def as_json(shell: Shell) -> str:
    return "--output=json" if shell.options else "--json"


def with_tail(kubectl: Kubectl, name: str) -> None:
    wait_status(kubectl, name, lambda status: "logTail" in status, "its log is kept")


def test_list_show_and_watch(shell: Shell, kubectl: Kubectl) -> None:
    good, bad = create_task(kubectl, "shop.probes.add", 1, 2), create_task(kubectl, "shop.probes.fail")
    watched = shell("watch", good, bad)
    assert watched.code == 1
    lines = watched.out.splitlines()
    assert any(good in line and "Succeeded" in line for line in lines)
    assert any(bad in line and "Failed  TaskError" in line for line in lines)
    assert shell("watch", good).code == 0

    listed = shell("list", "--status", "failed", "--limit", "0", as_json(shell))
    assert listed.code == 0
    assert (bad in listed.out, good in listed.out) == (True, False)
    assert {one["status"] for one in listed.objects} == {"FAILED"}
    table = shell("list", "--limit", "1")
    assert table.out.splitlines()[0].split() == [
        "ID",
        "TASK",
        "QUEUE",
        "PHASE",
        "PROGRESS",
        "ATTEMPTS",
        "REASON",
        "AGE",
    ]
    assert len(table.out.splitlines()) == 2
    assert "--limit 0 shows all" in table.err

    shown = shell("show", bad, "no-such-task", "--payload")
    assert (shown.code, shown.err) == (1, "There is no task 'no-such-task'.\n")
    assert "no card is on file for order A00000001" in shown.out
    assert "Traceback (most recent call last):" in shown.out
    (record,) = shell("show", good, "--payload", as_json(shell)).objects
    assert (record["result"], record["payload"]) == ("3", '{"args": [1, 2], "kwargs": {}}')


def test_cancel(shell: Shell, kubectl: Kubectl) -> None:
    running, waiting = create_task(kubectl, "shop.probes.sleep", 600), create_task(kubectl, queue="no-such-queue")
    wait_phase(kubectl, running, "Running")
    assert shell("watch", running, "--timeout", "1").code == 3
    cancelled = shell("cancel", running, waiting, "no-such-task", "--reason", "a test asks")
    assert cancelled.code == 1
    assert f"{running}: asked to cancel" in cancelled.out
    assert "There is no task 'no-such-task'" in cancelled.err
    assert shell("watch", running, waiting).code == 1
    assert "a test asks" in wait_phase(kubectl, running, "Cancelled")["message"]
    done = create_task(kubectl, "shop.probes.add", 1, 2)
    wait_phase(kubectl, done, "Succeeded")
    refused = shell("cancel", done)
    assert (refused.code, refused.err) == (1, f"{done} is finished already: Succeeded.\n")


def test_retry(shell: Shell, kubectl: Kubectl) -> None:
    first = create_task(kubectl, "shop.probes.echo", 2**63 + 1)
    early = shell("retry", create_task(kubectl, queue="no-such-queue"))
    assert early.code == 1
    assert "is not finished" in early.err
    wait_phase(kubectl, first, "Succeeded")
    retried = shell("retry", first, as_json(shell))
    assert retried.code == 0
    (new,) = retried.objects
    assert new["retry_of"] == first
    assert json.loads(wait_phase(kubectl, str(new["id"]), "Succeeded")["result"])["args"] == [2**63 + 1]


def test_a_log_is_followed_from_before_its_pod_over_retries(shell: Shell, cluster: Cluster, kubectl: Kubectl) -> None:
    policy = {"maxAttempts": 2, "backoff": {"initialSeconds": 1}}
    queue = f"comes-later-{'kubectl' if shell.options else 'manage'}"
    name = create_task(kubectl, "shop.probes.fail_until", 2, queue=queue, policy=policy)
    following = shell.start("logs", "-f", name)
    said_before = wait_said(following, "It is Queued")
    kubectl.apply(queue_manifest(queue, cluster.image(Target.EXAMPLE)))
    ends = wait_phase(kubectl, name, "Succeeded")
    followed = ended(following)
    assert followed.code == 0, said_before + followed.err
    assert len(ends["attempts"]) == 2
    assert "attempt 1 of 2" in followed.out
    assert "Attempt 2:" in followed.err
    assert followed.out == shell("logs", name, "--attempt", "1").out + shell("logs", name).out


def test_what_was_kept_is_shown_when_the_pod_is_gone(shell: Shell, kubectl: Kubectl) -> None:
    bad, good = create_task(kubectl, "shop.probes.fail"), create_task(kubectl, "shop.probes.write_lines", 3)
    with_tail(kubectl, bad)
    wait_phase(kubectl, good, "Succeeded")
    live = shell("logs", bad, "--tail", "1")
    assert (live.code, live.err) == (0, "")
    assert shell("logs", good, "--tail", "1").out == "line 3 of 3\n"
    for name in (bad, good):
        kubectl("delete", "pod", f"{name}-1")
        wait_gone(kubectl, "pod", f"{name}-1")
    kept = shell("logs", bad, "--tail", "1")
    assert (kept.code, kept.out) == (0, live.out)
    assert "as it was kept with the task" in kept.err
    lost = shell("logs", good)
    assert (lost.code, lost.out) == (1, "")
    assert "is gone" in lost.err
    unknown = shell("logs", "no-such-task")
    assert (unknown.code, unknown.err) == (1, "There is no task 'no-such-task'.\n")


@pytest.fixture(scope="module")
def web_app(
    cluster: Cluster, namespace: str, kubectl: Kubectl, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """A kubeconfig with the rights that a web app has: none but on djangotasks."""
    kubectl("create", "serviceaccount", "web")
    cluster.helm("install", "rights", str(WEB_APP), "--namespace", namespace, "--set", "serviceAccounts={web}")
    config = yaml.safe_load(cluster.kubeconfig.read_text())
    config["users"] = [
        {**user, "user": {"token": kubectl("create", "token", "web").strip()}} for user in config["users"]
    ]
    path = tmp_path_factory.mktemp("web") / "kubeconfig"
    path.write_text(json.dumps(config))
    yield path
    cluster.helm("uninstall", "rights", "--namespace", namespace)


@pytest.mark.parametrize("options", [(), ("-f",)], ids=["once", "followed"])
def test_a_web_app_sees_what_was_kept_and_what_right_is_missing(
    backend: BaseTaskBackend, kubectl: Kubectl, namespace: str, web_app: Path, options: tuple[str, ...]
) -> None:
    shell = manage(namespace, web_app)
    result = finish(probes.fail.enqueue())
    if not options:
        with_tail(kubectl, result.id)
    kept = shell("logs", result.id, *options)
    assert kept.code == 0, kept.err
    assert "shop.probes.CardDeclined: no card is on file" in kept.out
    assert "--resource=pods,pods/log" in kept.err
    assert result.id in shell("list", "--json").out


def in_a_terminal(shell: Shell, *words: str, environ: dict[str, str]) -> str:
    """What a terminal of 160 columns is sent."""
    main, terminal = pty.openpty()
    process = subprocess.Popen(
        [*shell.command, *words, *shell.options],
        env={**shell.environ, "TERM": "xterm-256color", "COLUMNS": "160", "LINES": "40", **environ},
        cwd=ROOT,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
    )
    os.close(terminal)
    parts: list[bytes] = []
    try:
        while part := _read(main):
            parts.append(part)
        process.wait(SECONDS)
    finally:
        process.kill()
        os.close(main)
    return b"".join(parts).decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # EIO: the writer has ended.
        return b""


def test_in_a_terminal(shell: Shell, kubectl: Kubectl) -> None:
    name = create_task(kubectl, "shop.probes.say_progress", 3, 10, "three [red]of[/red] ten")
    shown = in_a_terminal(shell, "watch", name, environ={})
    assert "\x1b[" in shown
    assert "Succeeded" in shown
    plain = in_a_terminal(shell, "show", name, environ={"NO_COLOR": "1"})
    assert "\x1b[" not in plain
    assert "Phase:" in plain
    assert "\x1b[" in in_a_terminal(shell, "list", environ={})


@pytest.mark.parametrize("words", [("list",), ("logs", "x"), ("cancel", "x")], ids=" ".join)
def test_a_cluster_that_does_not_answer(
    cluster: Cluster, namespace: str, tmp_path: Path, words: tuple[str, ...]
) -> None:
    config = yaml.safe_load(cluster.kubeconfig.read_text())
    for one in config["clusters"]:
        one["cluster"]["server"] = "https://127.0.0.1:1"
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps(config))
    for shell in (manage(namespace, path), plugin(cluster, namespace, path)):
        done = shell(*words)
        assert (done.code, done.out) == (1, "")
        assert "gave no answer" in done.err
        assert "Traceback" not in done.err


def test_kubectl_finds_the_plugin_its_completion_and_all_namespaces(
    cluster: Cluster, namespace: str, kubectl: Kubectl, backend: BaseTaskBackend
) -> None:
    shell = plugin(cluster, namespace, cluster.kubeconfig)
    name = create_task(kubectl, queue="no-such-queue", name="completed-by-name")
    everywhere = shell("list", "-A", "--queue", "no-such-queue", "-o", "wide")
    assert everywhere.out.splitlines()[0].startswith("NAMESPACE")
    assert any(line.split()[:2] == [namespace, name] for line in everywhere.out.splitlines())
    names = shell("list", "--queue", "no-such-queue", "-o", "name").out.split()
    assert f"djangotask.djangotasks.dev/{name}" in names
    kubectl("get", *names)
    complete = Shell((shell.command[0], "__complete", "djangotask"), shell.environ)
    assert complete("show", "-n", namespace, "completed-").out.splitlines() == [name, ":4"]
