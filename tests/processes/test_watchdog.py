"""A long-running command ends on a signal, and when it hangs: in processes of their own."""

import signal
import subprocess
import sys

import pytest

BEGIN = "import time\nfrom django_tasks_kubernetes.watchdog import Watchdog\n"


def run(code: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-u", "-c", BEGIN + code]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_watchdog_ends_a_hanging_process_with_its_traceback() -> None:
    with run("def ask_the_database():\n  time.sleep(60)\nwith Watchdog(0.05):\n  ask_the_database()") as process:
        _, err = process.communicate(timeout=240)
    assert process.returncode == 1
    assert "in ask_the_database" in err


@pytest.mark.parametrize(
    "code",
    [
        # Each step has more than a second to spare: a busy machine may leave the process out for so long.
        "with Watchdog(1.5) as watchdog:\n  for _ in range(5):\n    assert watchdog.should_continue()\n    time.sleep(0.4)",
        "with Watchdog(1.5) as watchdog:\n  watchdog.sleep(2)",
        "with Watchdog(0):\n  time.sleep(0.1)",
        "with Watchdog(1.5):\n  pass\ntime.sleep(2)",
    ],
    ids=["many steps", "a rest", "turned off", "over"],
)
def test_watchdog_leaves_a_working_process_alone(code: str) -> None:
    with run(code) as process:
        assert process.communicate(timeout=240) == ("", "")
    assert process.returncode == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_watchdog_stops_the_loop_on_a_signal(number: signal.Signals) -> None:
    code = "with Watchdog() as watchdog:\n  print('there')\n  while watchdog.should_continue():\n    watchdog.sleep(60)\nprint('ended')"
    with run(code) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "there\n"
        process.send_signal(number)
        out, _ = process.communicate(timeout=240)
    assert (process.returncode, out) == (0, "ended\n")
