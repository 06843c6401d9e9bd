"""Random delays take nothing from the generator that a project may have seeded."""

import random
from pathlib import Path

import django_tasks_kubernetes
import djangotasks_api
from django_tasks_kubernetes import jitter


def test_a_seeded_generator_is_left_alone() -> None:
    random.seed(7)
    before = random.getstate()
    assert all(1 <= jitter.between(1, 2) <= 2 for _ in range(100))
    assert random.getstate() == before


def test_nothing_else_in_the_projects_process_draws_from_it() -> None:
    packages = [Path(package.__path__[0]) for package in (django_tasks_kubernetes, djangotasks_api)]
    found = {path.name for package in packages for path in package.rglob("*.py") if "import random" in path.read_text()}
    assert found == {"jitter.py"}
