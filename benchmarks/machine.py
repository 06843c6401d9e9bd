"""Where figures were measured: without it, absolute ones mean nothing."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.api import Api


def machine(api: Api | None = None) -> str:
    """One line: processor, system, versions, and the load of the last minute, which is others' work too."""
    parts = [f"{os.cpu_count()} × {_processor()}", f"Linux {platform.release()}" if _linux() else platform.platform()]
    if api is not None:
        node = api.get("/api/v1/nodes")["items"][0]["status"]["nodeInfo"]
        parts += [f"Kubernetes {api.get('/version')['gitVersion']}", node["containerRuntimeVersion"]]
    load, _, _ = os.getloadavg()
    return "; ".join([*parts, f"Python {platform.python_version()}", f"load {load:.1f}"])


def _processor() -> str:
    if _linux():
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _linux() -> bool:
    return platform.system() == "Linux"
