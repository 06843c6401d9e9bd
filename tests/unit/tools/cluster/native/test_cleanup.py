"""In which order a cluster is taken apart."""

from pathlib import Path

from tools.cluster.native.cleanup import mounts_below


def test_mounts_come_innermost_first() -> None:
    table = (
        "proc /proc proc rw 0 0\n"
        "/dev/a /state/run/kubelet ext4 rw 0 0\n"
        "tmpfs /state/run/kubelet/pods/a\\040b tmpfs rw 0 0\n"
        "tmpfs /state/run/kubelet/pods/a\\040b tmpfs rw 0 0\n"
        "tmpfs /state/running tmpfs rw 0 0\n"
    )
    pod = "/state/run/kubelet/pods/a b"
    assert mounts_below(Path("/state/run"), table) == [pod, pod, "/state/run/kubelet"]
