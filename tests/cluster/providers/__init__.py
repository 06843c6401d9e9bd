"""A Kubernetes to test on: kind, native, or the current one, behind one interface.

`python -m tests.cluster.providers --help` lists the commands; `choose()` gives the provider to Python.
"""

from tests.cluster.providers.base import Provider
from tests.cluster.providers.choose import choose
from tests.cluster.providers.errors import ProviderError
from tests.cluster.providers.images import Target, ensure_image, image_ref
from tests.cluster.providers.progress import Progress

__all__ = ["Progress", "Provider", "ProviderError", "Target", "choose", "ensure_image", "image_ref"]
