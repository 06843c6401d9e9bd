"""`kubectl djangotask` needs no Django project."""

import subprocess
import sys
from pathlib import Path

from tests.unit.backend.cli.conftest import two_tasks
from tests.unit.backend.kube.test_client import kubeconfig
from tests.unit.backend.web_server import serve

SCRIPT = """
import os, sys
os.environ.pop("DJANGO_SETTINGS_MODULE", None)
from django_tasks_kubernetes.cli.kubectl import main
from django.conf import settings
for words in ("list", "show one", "retry one", "logs one", "cancel one", "watch one"):
    print(words, main([*words.split(), "--kubeconfig", sys.argv[1]]))
assert not settings.configured
"""


def test_kubectl_needs_no_settings(tmp_path: Path) -> None:
    with serve() as server:
        server.answer = two_tasks()
        config = kubeconfig(tmp_path, server.url, namespace="shop")
        done = subprocess.run([sys.executable, "-c", SCRIPT, config], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    ends = ["list 0", "show one 0", "retry one 0", "logs one 0", "cancel one 1", "watch one 1"]
    assert [line for line in done.stdout.splitlines() if line in ends] == ends
