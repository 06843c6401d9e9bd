"""Each of the three packages, as a wheel and as an sdist, in an environment that has nothing else."""

from __future__ import annotations

import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.release.conftest import ROOT, run

# Package, its folder, its import package, and what must work once it alone is installed. The extra `models` is the
# operator's to ask for.
CALLS = "from django.tasks import task_backends; print(type(task_backends['default']).__name__)"
SETTINGS = """
SECRET_KEY = "for the test"
INSTALLED_APPS = ["django_tasks_kubernetes"]
TASKS = {"default": {"BACKEND": "django_tasks_kubernetes.KubernetesBackend"}}
"""
DATA = """print(*(len((files('django_tasks_kubernetes') / name).read_bytes()) for name in (
    'locale/de/LC_MESSAGES/django.mo', 'static/django_tasks_kubernetes/live.js',
    'templates/admin/django_tasks_kubernetes/task.html',
)))"""
PACKAGES = {
    "djangotasks-api": ("crds", "djangotasks_api"),
    "djangotasks-operator": ("operator", "djangotasks_operator"),
    "django-tasks-kubernetes": ("backend", "django_tasks_kubernetes"),
}
WORKS: dict[str, list[tuple[str, ...]]] = {
    "djangotasks-api": [
        ("python", "-c", "from djangotasks_api import assignment, names, outcome, phases; print(names.API_VERSION)")
    ],
    "djangotasks-operator": [
        ("djangotasks-operator", "--version"),
        ("djangotasks-operator", "run", "--help"),
        ("python", "-c", "from djangotasks_api.models import DjangoTask; print(DjangoTask.__name__)"),
    ],
    "django-tasks-kubernetes": [
        ("python", "-m", "django", "check", "--fail-level", "WARNING"),
        ("python", "-c", CALLS),
        (
            "python",
            "-c",
            "import django_tasks_kubernetes.stores.cluster, django_tasks_kubernetes.testing; print('imported')",
        ),
        # The pages of the admin: templates, script, style, and what they say in German.
        ("python", "-c", f"from importlib.resources import files; {DATA}"),
    ],
}
# What each must not bring.
STRANGERS = {
    "djangotasks-api": {"django", "pydantic", "kopf", "kubernetes"},
    "djangotasks-operator": {"django", "kubernetes"},
    "django-tasks-kubernetes": {"kopf", "djangotasks-operator"},
}


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
@pytest.mark.parametrize("package", PACKAGES)
def test_it_installs_and_works_on_its_own(package: str, kind: str, dist: Path, version: str, tmp_path: Path) -> None:
    environment = tmp_path / "env"
    run("uv", "venv", "--quiet", "--python", sys.executable, environment)
    ours = [word for name in PACKAGES for word in ("--no-binary", name)] if kind == "sdist" else []
    where = ("--python", environment, "--find-links", dist)
    run("uv", "pip", "install", "--quiet", *where, *ours, f"{package}=={version}")

    (tmp_path / "settings_of_the_test.py").write_text(SETTINGS)
    # Nothing of this environment: not its PATH, not its PYTHONPATH.
    env = {
        "PATH": f"{environment / 'bin'}:/usr/bin:/bin",
        "PYTHONPATH": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "settings_of_the_test",
    }
    for command in WORKS[package]:
        program = environment / "bin" / command[0]
        assert run(program, *command[1:], cwd=tmp_path, env=env).strip()
    installed = {line.partition("==")[0] for line in run("uv", "pip", "freeze", "--python", environment).splitlines()}
    assert package in installed
    assert not installed & STRANGERS[package]


def test_the_plugin_for_kubectl_comes_with_an_extra(dist: Path, version: str, tmp_path: Path) -> None:
    """For people without a Django project. Without the extra it says what is missing."""
    environment = tmp_path / "env"
    run("uv", "venv", "--quiet", "--python", sys.executable, environment)
    where = ("--python", environment, "--find-links", dist)
    plugin, env = environment / "bin" / "kubectl-djangotask", {"PATH": "/usr/bin:/bin"}
    run("uv", "pip", "install", "--quiet", *where, f"django-tasks-kubernetes=={version}")
    with pytest.raises(AssertionError, match=r"uv tool install 'django-tasks-kubernetes\[cli\]'"):
        run(plugin, "list", cwd=tmp_path, env=env)
    run("uv", "pip", "install", "--quiet", *where, f"django-tasks-kubernetes[cli]=={version}")
    assert version in run(plugin, "--version", cwd=tmp_path, env=env)
    completed = run(plugin.with_name("kubectl_complete-djangotask"), "wa", cwd=tmp_path, env=env)
    assert completed.startswith("watch\t")


@pytest.mark.parametrize("package", PACKAGES)
def test_a_wheel_holds_the_package_its_types_and_the_licence(package: str, dist: Path, version: str) -> None:
    folder, module = PACKAGES[package]
    stem = f"{package.replace('-', '_')}-{version}"
    with zipfile.ZipFile(dist / f"{stem}-py3-none-any.whl") as wheel:
        names = set(wheel.namelist())
        licence = wheel.read(f"{stem}.dist-info/licenses/LICENSE").decode()
    assert licence == (ROOT / "LICENSE").read_text()
    source = ROOT / folder / "src"
    files = (path for path in (source / module).rglob("*") if path.is_file() and path.suffix != ".pyc")
    wanted = {str(path.relative_to(source)) for path in files}
    assert f"{module}/py.typed" in wanted
    assert {name for name in names if not name.startswith(f"{stem}.dist-info/")} == wanted


@pytest.mark.parametrize("package", PACKAGES)
def test_an_sdist_has_what_its_page_and_its_licence_need(package: str, dist: Path, version: str) -> None:
    stem = f"{package.replace('-', '_')}-{version}"
    with tarfile.open(dist / f"{stem}.tar.gz") as archive:
        files = {member.name.removeprefix(f"{stem}/"): member for member in archive.getmembers()}
    assert {"README.md", "LICENSE", "pyproject.toml", "PKG-INFO"} <= files.keys()
    assert all(member.isfile() for member in files.values())


def test_their_pages_can_be_shown(dist: Path) -> None:
    run("twine", "check", "--strict", *sorted(dist.glob("*.whl")), *sorted(dist.glob("*.tar.gz")))
