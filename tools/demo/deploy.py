"""Brings the shop up in a namespace: what the demo and the tests of the example do first."""

from __future__ import annotations

import base64
import json
import os
import secrets
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tools.cluster import Target
from tools.cluster.images import ROOT
from tools.kubectl import StepFailed, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tools.kubectl import Kubectl

MANIFESTS = ROOT / "examples" / "shop" / "k8s"
# An image's name in the manifests, and the target of the Dockerfile that makes it.
NAMES = {"djangotasks/example": Target.EXAMPLE, "djangotasks/services": Target.SERVICES}
ROLLOUT_SECONDS = 300
DATABASE_SECONDS = 120


def deploy(kubectl: Kubectl, images: Mapping[Target, str], say: Callable[[str], None] = lambda _: None) -> None:
    """Applies everything, waits until it serves, and migrates. What is there already stays.

    The namespace is there. `images`: what to run, already in the cluster. Raises StepFailed.
    """
    _make_secret(kubectl, "shop", "django-secret-key", "database-password")
    _make_secret(kubectl, "shop-admin", "password")
    _apply_manifests(kubectl, images)
    for deployment in ("postgres", "smtp", "web", "admin"):
        kubectl.roll_out(deployment, seconds=ROLLOUT_SECONDS)
        say(f"{deployment} serves")
    _migrate(kubectl)
    say("database migrated")
    _make_superuser(kubectl)


def admin_password(kubectl: Kubectl) -> str:
    """Of the user admin, who may do all in the shop's admin."""
    value: str = kubectl.get("secret", "shop-admin")["data"]["password"]
    return base64.b64decode(value).decode()


def _make_secret(kubectl: Kubectl, name: str, *keys: str) -> None:
    """Made once: a new password would lock the shop out of its database."""
    if kubectl("get", "secret", name, "--ignore-not-found"):
        return
    values = {key: secrets.token_urlsafe(32) for key in keys}
    kubectl.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": values})


def _apply_manifests(kubectl: Kubectl, images: Mapping[Target, str]) -> None:
    substitutions = []
    for name, target in NAMES.items():
        repository, _, tag = images[target].rpartition(":")
        substitutions.append({"name": name, "newName": repository, "newTag": tag})
    with tempfile.TemporaryDirectory() as folder:
        # kustomize wants relative paths, and follows symbolic links before it looks at them.
        base = os.path.relpath(MANIFESTS, Path(folder).resolve())
        overlay = {"namespace": kubectl.namespace, "resources": [base], "images": substitutions}
        (Path(folder) / "kustomization.yaml").write_text(json.dumps(overlay))
        kubectl("apply", "--kustomize", folder)


def _migrate(kubectl: Kubectl) -> None:
    """Once the database's address leads to it: that is a moment after its pod is ready."""
    said = ""

    def attempt() -> bool | None:
        nonlocal said
        try:
            _manage_admin(kubectl, "migrate")
        except StepFailed as error:
            said = str(error)
            return None
        return True

    wait_for("the database migrated", attempt, seconds=DATABASE_SECONDS, why=lambda: said)


def _make_superuser(kubectl: Kubectl) -> None:
    """Made once, with the password of the Secret."""
    try:
        _manage_admin(kubectl, "createsuperuser", "--noinput")
    except StepFailed as error:
        if "already taken" not in str(error):
            raise


def _manage_admin(kubectl: Kubectl, *arguments: str) -> str:
    """Where the apps of the admin are installed, whose tables are migrated with all others."""
    return kubectl("exec", "deployment/admin", "--", "python", "manage.py", *arguments, seconds=120)
