"""The demo when something goes wrong: it says what, at which step, and ends with an error."""

import json
from pathlib import Path

import pytest

from tests.cluster.providers import Progress, ProviderError
from tests.demo import __main__ as demo
from tests.support.kubectl import Kubectl, StepFailed, wait_for

SUCCEEDED = {name: {"status": status} for name, status in demo.EXPECTED.items()}


def kubectl(folder: Path, script: str) -> Kubectl:
    """A kubectl that does what the script says, in a namespace called `shop`."""
    program = folder / "kubectl"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return Kubectl(program, folder / "config", "shop")


@pytest.mark.parametrize("error", [StepFailed("no pod is ready"), ProviderError("no engine")])
def test_a_failed_step_is_named_and_the_exit_code_is_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    def run(progress: Progress) -> None:
        with demo.step("the shop"):
            raise error

    monkeypatch.setattr(demo, "run", run)
    with pytest.raises(SystemExit) as ended:
        demo.main()
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert str(error) in said
    assert "The demo stopped at the shop." in said


def test_results_as_expected_pass() -> None:
    demo.check(SUCCEEDED)


@pytest.mark.parametrize(("name", "status"), [("receipt", "FAILED"), ("failure", "SUCCESSFUL")])
def test_a_task_that_ends_otherwise_than_meant_is_an_error(name: str, status: str) -> None:
    with pytest.raises(StepFailed, match=f"{name} is {status}, expected"):
        demo.check(SUCCEEDED | {name: {"status": status}})


def test_waiting_ends_with_the_reason() -> None:
    with pytest.raises(StepFailed, match="it serves: not after 0 s\nits pod cannot start"):
        wait_for("it serves", lambda: None, seconds=0, why=lambda: "its pod cannot start")


def test_waiting_returns_the_first_answer() -> None:
    answers = iter([None, "", "late"])
    assert wait_for("it serves", lambda: next(answers), seconds=30) == ""


def test_a_command_that_fails_is_shown_with_what_it_said(tmp_path: Path) -> None:
    with pytest.raises(StepFailed, match="`kubectl get pods` ended with 3:\nno such server"):
        kubectl(tmp_path, "echo no such server >&2; exit 3")("get", "pods")


def test_a_command_that_hangs_is_stopped(tmp_path: Path) -> None:
    with pytest.raises(StepFailed, match="took more than 0 s"):
        kubectl(tmp_path, "exec sleep 60")("get", "pods", seconds=0.2)


def test_commands_run_in_the_namespace_with_the_kubeconfig(tmp_path: Path) -> None:
    said = kubectl(tmp_path, 'echo "$@"')("get", "pods")
    assert said.split() == ["--kubeconfig", str(tmp_path / "config"), "--namespace", "shop", "get", "pods"]


def test_manage_runs_in_a_pod_that_is_ready_and_stays(tmp_path: Path) -> None:
    ready = {"conditions": [{"type": "Ready", "status": "True"}]}
    pods = [
        {"metadata": {"name": "leaving", "deletionTimestamp": "2026-01-01T00:00:00Z"}, "status": ready},
        {"metadata": {"name": "starting"}, "status": {}},
        {"metadata": {"name": "serving"}, "status": ready},
    ]
    (tmp_path / "pods.json").write_text(json.dumps({"items": pods}))
    script = f'case "$*" in *" get pods "*) cat {tmp_path}/pods.json;; *) echo "$@";; esac'
    said = kubectl(tmp_path, script).manage("migrate")
    assert said.split()[-8:] == ["exec", "serving", "-c", "web", "--", "python", "manage.py", "migrate"]
