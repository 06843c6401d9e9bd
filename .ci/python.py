#!/usr/bin/env python3
"""Prints the path of a Python of a version: `.ci/python 3.14`. Finds one, or installs it into the cache.

Where uv cannot download its Pythons, 3.14 comes from the Go module proxy: a module that embeds the same builds
(https://github.com/kluctl/go-embed-python). No registry of packages has one otherwise.
"""

import gzip
import hashlib
import io
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import urllib.request
import zipfile
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "djangotasks-python"
MODULE = "github.com/kluctl/go-embed-python"
MACHINES = {"x86_64": "linux-amd64", "aarch64": "linux-arm64"}
# By version: the module's version, and the SHA-256 of its zip file.
MODULES = {
    "3.14": ("v0.0.0-3.14.6-20260610-1", "fa0d4ee2e90380a416d767e98ba500ce38d12f221eeb7af10cbe01fede77ee3a"),
}


def main() -> int:
    version = sys.argv[1]
    for find in (found_by_uv, found_by_pyenv, kept, installed_by_uv, taken_from_a_go_module):
        path = find(version)
        if path is not None and answers(path, version):
            sys.stdout.write(f"{path}\n")
            return 0
    sys.stderr.write(f"No Python {version} here, and none could be had. Install one, with uv, pyenv or your system.\n")
    return 1


def found_by_uv(version: str) -> Path | None:
    done = uv("python", "find", "--no-project", "--no-python-downloads", version)
    return Path(done) if done else None


def found_by_pyenv(version: str) -> Path | None:
    return newest(Path.home() / ".pyenv" / "versions", f"{version}.*/bin/python")


def kept(version: str) -> Path | None:
    return newest(CACHE, f"{version}-*/bin/python{version}")


def installed_by_uv(version: str) -> Path | None:
    uv("python", "install", "--quiet", version)
    return found_by_uv(version)


def taken_from_a_go_module(version: str) -> Path | None:
    machine = MACHINES.get(platform.machine())
    if version not in MODULES or machine is None or sys.platform != "linux":
        return None
    tag, digest = MODULES[version]
    sys.stderr.write(f"python: taking {version} from {MODULE} {tag}: 110 MB\n")
    proxy = os.environ.get("GOPROXY", "").split(",")[0].rstrip("/")
    proxy = proxy if proxy.startswith("https://") else "https://proxy.golang.org"
    with urllib.request.urlopen(f"{proxy}/{MODULE}/@v/{tag}.zip") as response:
        data = response.read()
    if hashlib.sha256(data).hexdigest() != digest:
        sys.stderr.write("python: the download is not what was expected\n")
        return None
    target = CACHE / f"{version}-{digest[:8]}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        unpack(data, f"{MODULE}@{tag}/python/internal/data/{machine}/", Path(folder) / "it")
        # In one step, so that an aborted run leaves nothing that looks complete.
        shutil.rmtree(target, ignore_errors=True)
        (Path(folder) / "it").rename(target)
    return kept(version)


def unpack(data: bytes, prefix: str, target: Path) -> None:
    """The large files are compressed once more in there."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for name in archive.namelist():
            if name.startswith(prefix):
                content, path = archive.read(name), target / name.removeprefix(prefix)
                if path.suffix == ".gz":
                    content, path = gzip.decompress(content), path.with_suffix("")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
                if path.parent.name == "bin":
                    path.chmod(0o755)


def newest(folder: Path, pattern: str) -> Path | None:
    found = sorted(folder.glob(pattern), key=lambda path: [int(n) if n.isdigit() else 0 for n in str(path).split(".")])
    return found[-1] if found else None


def answers(path: Path, version: str) -> bool:
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    done = subprocess.run([path, "-c", code], capture_output=True, text=True, check=False)
    return done.stdout.strip() == version


def uv(*arguments: str) -> str:
    """What it prints. It repeats failed downloads for minutes unless told not to."""
    program = shutil.which("uv", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if program is None:
        return ""
    env = {**os.environ, "UV_HTTP_RETRIES": "0"}
    env.pop("UV_PYTHON", None)
    done = subprocess.run([program, *arguments], env=env, capture_output=True, text=True, check=False)
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
