"""The sandbox image of every pod: one static program that waits for a signal, in a docker-archive."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from typing import TYPE_CHECKING

from tools.cluster.commands import run

if TYPE_CHECKING:
    from pathlib import Path

SOURCE = """\
package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	<-stop
}
"""


def build(go: Path, folder: Path, image: str, target: Path) -> None:
    """Build the program and write its image."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "main.go").write_text(SOURCE)
    (folder / "go.mod").write_text("module pause\n\ngo 1.21\n")
    env = {"CGO_ENABLED": "0", "GOFLAGS": ""}
    run(go, "build", "-trimpath", "-ldflags", "-s -w", "-o", "pause", ".", cwd=folder, env=env)
    architecture = run(go, "env", "GOARCH").strip()
    temporary = target.with_suffix(".new")
    temporary.write_bytes(archive((folder / "pause").read_bytes(), image, architecture))
    temporary.replace(target)


def archive(program: bytes, image: str, architecture: str) -> bytes:
    """Return a docker-archive of an image that holds just /pause."""
    layer = _tar({"pause": program})
    config = {
        "architecture": architecture,
        "os": "linux",
        "config": {"Entrypoint": ["/pause"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [image], "Layers": ["layer.tar"]}]
    files = {"config.json": config, "manifest.json": manifest}
    return _tar({"layer.tar": layer, **{name: json.dumps(data).encode() for name, data in files.items()}})


def _tar(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), 0o755
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()
