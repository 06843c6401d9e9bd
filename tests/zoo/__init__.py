"""Pod templates in the shapes that web apps have. See the README beside."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from djangotasks_api.models import QueueSpec

Object = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class App:
    """A Deployment, the queue that follows it, and what to expect. The README says what the fields mean."""

    name: str
    about: str
    template: Object
    selector: Object | None = None
    queue: Object = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    user: str | None = None
    objects: list[Object] = field(default_factory=list)
    shell: str | None = None
    prints: str | None = None
    not_run: str | None = None

    @property
    def deployment_selector(self) -> Object:
        return {"matchLabels": self.selector or self.template["metadata"]["labels"]}

    @property
    def queue_spec(self) -> Object:
        return self.queue | {"podTemplateFrom": {"deployment": self.name} | self.queue.get("podTemplateFrom", {})}

    @property
    def container(self) -> str:
        """The name of the container that runs the tasks."""
        annotations = self.template["metadata"].get("annotations") or {}
        name: str | None = self.queue.get("container") or annotations.get("kubectl.kubernetes.io/default-container")
        return name or str(self.template["spec"]["containers"][0]["name"])

    def deployment(self, image: str) -> Object:
        """The Deployment as the test cluster can run it: each container has the image, and Django its secret."""
        template = deepcopy(self.template)
        spec = template["spec"]
        spec.setdefault("terminationGracePeriodSeconds", 1)
        for container in (*spec.get("initContainers", ()), *spec["containers"]):
            container |= {"image": image, "imagePullPolicy": "IfNotPresent"}
            if container["name"] == self.container:
                container["env"] = [*container.get("env", ()), {"name": "DJANGO_SECRET_KEY", "value": "for tests"}]
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": self.name},
            "spec": {"selector": self.deployment_selector, "template": template},
        }

    def parsed_queue(self) -> QueueSpec:
        return QueueSpec.model_validate(self.queue_spec)


APPS = [
    App(**document)
    for path in sorted(Path(__file__).parent.glob("*.yaml"))
    for document in yaml.load_all(path.read_text(), Loader=yaml.CSafeLoader)
]
