"""Real processes: found by their marker, stopped, and no others with them."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.cluster.errors import ProviderError
from tools.cluster.native import identity
from tools.cluster.native.processes import Supervisor
from tools.cluster.progress import Progress

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

# A shell that waits for a child: the child is the cluster's too.
SLEEPER = ("sh", "-c", "sleep 600; true")


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    supervisor = Supervisor(tmp_path, Progress())
    yield supervisor
    supervisor.stop_all()


@pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")
def test_stop_all_ends_children_and_lost_ones_and_nobody_else(supervisor: Supervisor, tmp_path: Path) -> None:
    with subprocess.Popen(("sleep", "600")) as stranger:
        supervisor.start("a", *SLEEPER, namespace=None)
        supervisor.start("lost", *SLEEPER, namespace=None)
        (tmp_path / "pid" / "lost.pid").unlink()
        assert (supervisor.alive("a"), supervisor.alive("lost")) == (True, False)
        assert supervisor.stop_all() >= 2
        assert not supervisor.alive("a")
        assert supervisor.find_all() == set()
        assert stranger.poll() is None
        stranger.kill()


@pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")
def test_a_pid_file_of_another_process_kills_nobody(supervisor: Supervisor, tmp_path: Path) -> None:
    with subprocess.Popen(("sleep", "600")) as stranger:
        who = identity.identify(stranger.pid)
        assert who is not None
        (tmp_path / "pid").mkdir()
        earlier = identity.Identity(who.pid, who.start - 1, who.boot)
        (tmp_path / "pid" / "a.pid").write_text(earlier.dump())
        assert not supervisor.alive("a")
        supervisor.stop("a")
        assert stranger.poll() is None
        stranger.kill()


@pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")
def test_a_process_that_ends_is_explained_by_its_log(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start("a", "sh", "-c", "echo no such flag; exit 1", namespace=None)
    with pytest.raises(ProviderError, match="a ended before it was ready") as caught:
        supervisor.wait("a", lambda: False, seconds=30)
    assert "no such flag" in str(caught.value)
    assert str(tmp_path / "log" / "a.log") in str(caught.value)
