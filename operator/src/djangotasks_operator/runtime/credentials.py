"""Find credentials for the API server: the pod's service account, or a kubeconfig."""

import dataclasses
import os
from typing import Any

import kopf

from djangotasks_operator.runtime.addresses import host_port


def login(settings: kopf.OperatorSettings | None = None, **_: Any) -> kopf.ConnectionInfo:
    """Read the credentials. A login handler of kopf, and called by our own client too. Raises kopf.LoginError."""
    settings = settings or kopf.OperatorSettings()
    if (info := kopf.login_with_service_account(settings=settings)) is not None:
        # By address, so that the operator does not depend on cluster DNS.
        host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
        return dataclasses.replace(info, server=f"https://{host_port(host, port)}")
    try:
        if (info := kopf.login_with_kubeconfig(settings=settings)) is not None:
            return info
    except (OSError, LookupError) as error:
        raise kopf.LoginError(f"The kubeconfig cannot be read: {error}") from error
    raise kopf.LoginError("There is no service account and no kubeconfig. Set KUBECONFIG, or run in a pod.")
