"""What the command line makes of its options."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from djangotasks_operator import cli
from djangotasks_operator.config import Config
from djangotasks_operator.runtime.errors import ApiError
from djangotasks_operator.runtime.http_server import CannotServe

URL = "--report-url=http://[fd00::7]:8080"


@pytest.fixture
def configs(monkeypatch: pytest.MonkeyPatch) -> list[Config]:
    """What operators were started with."""
    found: list[Config] = []

    class Recorder:
        def __init__(self, config: Config) -> None:
            found.append(config)

        async def run(self) -> None:
            pass

    monkeypatch.setattr(cli, "Operator", Recorder)
    return found


def run(*options: str) -> Result:
    return CliRunner().invoke(cli.main, ["run", *options])


def test_defaults(configs: list[Config]) -> None:
    assert run(URL).exit_code == 0
    (config,) = configs
    assert config == Config(report_url="http://[fd00::7]:8080", keys=config.keys)
    assert [len(key) for key in config.keys] == [cli.KEY_MIN_BYTES]


def test_every_option(configs: list[Config], tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_bytes(b"k" * 32)
    options = ("-n", "shop", "-n", "bank", "--lease=tasks/a", "--host=::1", "--port=1", "--health-port=2")
    assert run("--service=tasks/operator", f"--key-file={key}", *options).exit_code == 0
    assert configs == [
        Config(
            namespaces=("shop", "bank"),
            service=("tasks", "operator"),
            lease=("tasks", "a"),
            host="::1",
            port=1,
            health_port=2,
            keys=(b"k" * 32,),
        )
    ]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "Give one of --report-url and --service"),
        ([URL, "--service=tasks/operator"], "Give one of --report-url and --service"),
        (["--report-url=https://a"], "must begin with http://"),
        (["--service=operator"], "must be NAMESPACE/NAME"),
    ],
)
def test_invalid_options_are_refused(configs: list[Config], options: list[str], words: str) -> None:
    result = run(*options)
    assert result.exit_code != 0
    assert words in result.output
    assert not configs


@pytest.mark.parametrize("log_format", ["text", "json"])
@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            ApiError(403, {"reason": "Forbidden", "message": "cannot list"}),
            "The API server: 403 Forbidden: cannot list",
        ),
        (CannotServe("Cannot listen on port 8080."), "Cannot listen on port 8080."),
        (ZeroDivisionError("a line\n2026-11-23 INFO forged"), "The operator ends: a defect"),
    ],
)
def test_what_ends_the_process_is_in_the_log_as_all_else(
    monkeypatch: pytest.MonkeyPatch, error: Exception, words: str, log_format: str
) -> None:
    """It is the line that says why a pod is in CrashLoopBackOff, and those who collect JSON read no other lines."""

    async def fail(_: object) -> None:
        raise error

    monkeypatch.setattr("djangotasks_operator.app.Operator.run", fail)
    result = run(URL, f"--log-format={log_format}")
    first, *others = result.stderr.splitlines()
    assert result.exit_code == 1
    assert "CRITICAL" in first
    assert words in first
    if log_format == "json":
        assert not others
        assert json.loads(first)["message"] == words
    else:
        assert all(line.startswith("  | ") for line in others)


def test_a_signal_at_the_start_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    async def ended(_: object) -> None:
        raise asyncio.CancelledError

    monkeypatch.setattr("djangotasks_operator.app.Operator.run", ended)
    result = run(URL)
    assert result.exit_code == 0
    assert "a signal ended the operator before it had begun" in result.stderr
