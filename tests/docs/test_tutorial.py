"""The tutorial, as a reader follows it: its files are written, its commands run, its outputs compared."""

from __future__ import annotations

import os
import secrets
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.docs import stand_in
from tests.docs.markdown import Block, blocks, missing
from tests.support.fixtures import cluster
from tools.cluster import ROOT, Target, image_ref
from tools.cluster.cluster import PREFIX, Cluster
from tools.cluster.images import DIGITS, INPUTS, digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["cluster"]
pytestmark = pytest.mark.cluster

PAGE = ROOT / "docs" / "tutorial.md"
BLOCK_SECONDS = 600
# Of the tests' own environment, and nothing to a reader.
OURS = {"DJANGO_SETTINGS_MODULE", "PYTHONPATH", "VIRTUAL_ENV"}
FILES = {"python", "yaml", "dockerfile"}
# Around each block of commands: variables and the folder stay, as in one terminal.
SHELL = """set -a
[ ! -e {state} ] || . {state}
set -eo pipefail
{commands}
{{ export -p; echo cd "$(printf %q "$PWD")"; }} > {state}
"""


class Reader:
    """In a folder of their own, with a kubeconfig of their own."""

    def __init__(self, folder: Path, cluster: Cluster) -> None:
        self._folder, self._state = folder / "home", folder / "state"
        self._folder.mkdir()
        kubeconfig = folder / "kubeconfig"
        kubeconfig.write_bytes(cluster.kubeconfig.read_bytes())
        self._env = {
            **{name: value for name, value in os.environ.items() if name not in OURS},
            "PATH": f"{self._programs(folder / 'bin', cluster)}:{os.environ['PATH']}",
            "KUBECONFIG": str(kubeconfig),
        }

    def run(self, commands: str) -> str:
        """Returns what they print on stdout."""
        script = SHELL.format(state=shlex.quote(str(self._state)), commands=commands)
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self._folder,
            env=self._env,
            capture_output=True,
            text=True,
            check=False,
            timeout=BLOCK_SECONDS,
        )
        assert done.returncode == 0, f"{commands}\n{done.stdout}{done.stderr}"
        return done.stdout

    def write(self, path: str, text: str) -> None:
        self.run(f"cat > {shlex.quote(path)} <<'END OF FILE'\n{text}END OF FILE")

    @staticmethod
    def _programs(folder: Path, cluster: Cluster) -> Path:
        folder.mkdir()
        (folder / "python3").symlink_to(sys.executable)
        for name in ("kubectl", "helm"):
            (folder / name).symlink_to(cluster.provider.program(name))
        stand_in.write(folder)
        return folder


@pytest.fixture(scope="module")
def substitutions(cluster: Cluster) -> Iterator[Mapping[str, str]]:
    """What differs, because the cluster is shared: names, and who owns its CRDs."""
    namespace, system = (PREFIX + secrets.token_hex(4) for _ in range(2))
    operator = image_ref(Target.OPERATOR)
    repository, _, tag = operator.rpartition(":")
    # Named by what is in them: an image of an earlier run is not taken for this one's.
    registry = repository.removesuffix("djangotasks/operator")
    mysite = f"{registry}mysite-{digest(ROOT, ('docs/tutorial.md', *INPUTS[Target.EXAMPLE]))[:DIGITS]}"
    yield {
        "~/djangotasks ": f"{ROOT} ",
        "mysite:1": f"{mysite}:1",
        **{f"mysite:{version}": f"{mysite}:{version}" for version in (2, 3, 4)},
        "djangotasks/operator:dev": operator,
        "image.tag=dev": f"image.tag={tag} --set image.repository={repository} --set crds.enabled=false",
        "namespace mysite": f"namespace {namespace}",
        "--namespace=mysite": f"--namespace={namespace}",
        "watchNamespaces={mysite}": f"watchNamespaces={{{namespace}}}",
        "djangotasks-system": system,
    }
    # The release goes with its namespace, but for its Role in the other one, which goes as well.
    for name in (namespace, system):
        cluster.delete_namespace(name)


def test_the_tutorial(cluster: Cluster, substitutions: Mapping[str, str], tmp_path: Path) -> None:
    page = PAGE.read_text()
    for written, ours in substitutions.items():
        assert written in page, f"{PAGE.name} no longer says {written!r}"
        page = page.replace(written, ours)
    reader, printed = Reader(tmp_path, cluster), ""
    for block in blocks(page):
        match block:
            case Block(language="sh"):
                printed = reader.run(block.text)
            case Block(language="text"):
                lost = missing(block.text, printed)
                assert lost is None, f"line {block.line} of {PAGE.name}: {lost!r} is not in\n{printed}"
            case Block(language=language, title=str(title)) if language in FILES:
                reader.write(title, block.text)
            case _:
                pytest.fail(f"line {block.line} of {PAGE.name}: neither commands nor a file nor an output")
