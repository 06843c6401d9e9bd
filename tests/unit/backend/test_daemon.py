"""A command that runs for ever ends when it is told to, and when it hangs: in processes of their own."""

import signal
import subprocess
import sys

import pytest

BEGIN = "import time\nfrom django_tasks_kubernetes.daemon import Daemon\n"


def run(code: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-u", "-c", BEGIN + code]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_step_that_hangs_ends_the_process_and_says_where() -> None:
    with run("def ask_the_database():\n  time.sleep(60)\nwith Daemon(0.05):\n  ask_the_database()") as process:
        _, err = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "in ask_the_database" in err


@pytest.mark.parametrize(
    "code",
    [
        "with Daemon(0.2) as daemon:\n  for _ in range(4):\n    assert daemon.goes_on()\n    time.sleep(0.1)",
        "with Daemon(0.2) as daemon:\n  daemon.rest(0.4)",
        "with Daemon(0):\n  time.sleep(0.1)",
        "with Daemon(0.1):\n  pass\ntime.sleep(0.2)",
    ],
    ids=["many steps", "a rest", "turned off", "over"],
)
def test_what_is_no_hang(code: str) -> None:
    with run(code) as process:
        assert process.communicate(timeout=30) == ("", "")
    assert process.returncode == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_when_it_is_told_to(number: signal.Signals) -> None:
    code = "with Daemon() as daemon:\n  print('there')\n  while daemon.goes_on():\n    daemon.rest(60)\nprint('ended')"
    with run(code) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "there\n"
        process.send_signal(number)
        out, _ = process.communicate(timeout=30)
    assert (process.returncode, out) == (0, "ended\n")
