"""The programs `kubectl-djangotask` and `kubectl_complete-djangotask`, which kubectl finds on the PATH.

https://kubernetes.io/docs/tasks/extend-kubectl/kubectl-plugins/
"""

import sys
from importlib.util import find_spec
from typing import NoReturn


def main() -> NoReturn:
    _need_click()
    from django_tasks_kubernetes.cli.kubectl import main as start

    sys.exit(start(sys.argv[1:]))


def complete() -> NoReturn:
    """Prints completions. kubectl gives the words after `kubectl djangotask`; the last one is to be completed."""
    _need_click()
    from django_tasks_kubernetes.cli.kubectl import complete as answer

    for line in answer(sys.argv[1:]):
        print(line)  # noqa: T201 - that is its answer
    sys.exit(0)


def _need_click() -> None:
    if find_spec("click") is None:
        sys.exit("kubectl djangotask needs the extra `cli`: uv tool install 'django-tasks-kubernetes[cli]'")
