"""Writes the go.mod of an empty module that only requires what is to be built."""

from __future__ import annotations

import re

STAGING = re.compile(r"^\s*(?:replace\s+)?(\S+) => \./staging/", re.MULTILINE)
GO_LINE = re.compile(r"^go (\d+\.\d+)(\S*)$", re.MULTILINE)
MINIMUM_GO = "1.26"


def render(requires: dict[str, str], extra: str = "") -> str:
    """Return a go.mod that requires the modules (path: version). `go build -mod=mod` adds what they require."""
    lines = ["module build", f"go {MINIMUM_GO}.0"]
    lines += [f"require {module} v{version}" for module, version in requires.items()]
    return "\n".join(lines) + "\n" + extra


def staging_replaces(gomod: str, kubernetes: str) -> str:
    """Return lines that point Kubernetes' staging modules at what is published of them.

    k8s.io/kubernetes replaces them by folders of its own repository, which only works inside it; so
    `go install k8s.io/kubernetes/…@v1.x.y` is refused. Each is published as v0.x.y.
    """
    published = f"v0.{kubernetes.partition('.')[2]}"
    modules = dict.fromkeys(STAGING.findall(gomod))
    return "".join(f"replace {module} => {module} {published}\n" for module in modules)


def godebug(gomod: str) -> str:
    """Return the line that keeps the run-time behaviour of the Go version a module was written for."""
    found = GO_LINE.search(gomod)
    return f"godebug default=go{found[1]}\n" if found else ""
