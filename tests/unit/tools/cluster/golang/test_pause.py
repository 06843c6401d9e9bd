"""The sandbox image."""

import io
import json
import tarfile

from tools.cluster.golang import pause


def test_pause_archive_names_its_layer() -> None:
    with tarfile.open(fileobj=io.BytesIO(pause.archive(b"program", "local/pause:1", "arm64"))) as tar:
        (manifest,) = json.load(_member(tar, "manifest.json"))
        config = json.load(_member(tar, manifest["Config"]))
        layer = _member(tar, manifest["Layers"][0])
        with tarfile.open(fileobj=layer) as files:
            assert _member(files, "pause").read() == b"program"
    assert (manifest["RepoTags"], config["architecture"]) == (["local/pause:1"], "arm64")


def _member(tar: tarfile.TarFile, name: str) -> io.BytesIO:
    file = tar.extractfile(name)
    assert file is not None
    return io.BytesIO(file.read())
