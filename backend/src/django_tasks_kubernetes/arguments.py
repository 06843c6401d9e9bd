"""Whether a function takes the arguments that are given for it: said where they are given, not where they arrive."""

import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any


def accept_arguments(
    function: Callable[..., Any],
    path: str,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    *,
    takes_context: bool = False,
) -> None:
    """Raises TypeError where the function cannot be called with them, `path` being what the error calls it."""
    context = (None,) if takes_context else ()
    try:
        _signature(function).bind(*context, *args, **kwargs)
    except TypeError as error:
        raise TypeError(f"The arguments do not fit {path}: {error}.") from None


def _signature(function: Callable[..., Any]) -> inspect.Signature:
    # A wrapper counts as it is: it may add arguments to those of the function that it wraps. Annotations are not
    # evaluated: a name in them may be there for type checkers alone.
    if sys.version_info >= (3, 14):
        from annotationlib import Format

        return inspect.signature(function, follow_wrapped=False, annotation_format=Format.STRING)
    return inspect.signature(function, follow_wrapped=False)
