"""A Kubernetes to test on: kind, native, or the current one, behind one interface.

`python -m tools.cluster --help` lists the commands; `choose()` gives the provider to Python.
"""

from tools.cluster.base import Provider
from tools.cluster.choose import choose
from tools.cluster.errors import ProviderError
from tools.cluster.images import ROOT, Target, ensure_image, image_ref
from tools.cluster.progress import Progress

__all__ = ["ROOT", "Progress", "Provider", "ProviderError", "Target", "choose", "ensure_image", "image_ref"]
