"""The values of the charts: the one source of values.yaml, of values.schema.json and of the tables in their READMEs.

A docstring under a field is its documentation. EXAMPLES are shown, commented out, where the default is empty.
"""

from typing import Any

from charts.values.base import Values
from charts.values.operator import OperatorValues
from charts.values.web_app import WebAppValues
from djangotasks_api.names import CONTAINER_NAME

__all__ = ["CHARTS", "EXAMPLES", "Values"]

CHARTS: dict[str, type[Values]] = {"djangotasks": OperatorValues, "djangotasks-web-app": WebAppValues}
EXAMPLES: dict[str, Any] = {
    "watchNamespaces": ["shop", "bank"],
    "serviceAccounts": ["web"],
    "queues": {
        "default": {"podTemplateFrom": {"deployment": "web"}},
        "reports": {
            "template": {"spec": {"containers": [{"name": CONTAINER_NAME, "image": "registry.example.com/shop:1"}]}},
            "concurrency": 10,
            "policy": {"maxAttempts": 3, "timeoutSeconds": 1800},
        },
    },
    "admin.serviceAccounts": ["backoffice"],
    "networkPolicy.egress": [
        {"to": [{"podSelector": {"matchLabels": {"app": "postgres"}}}], "ports": [{"port": 5432}]}
    ],
    "app.image": "registry.example.com/shop:1",
    "app.settingsModule": "shop.settings",
    "app.env": [{"name": "DATABASE_HOST", "value": "postgres"}],
    "app.envFrom": [{"secretRef": {"name": "shop"}}],
    "relay.args": ["--interval", "1"],
}
