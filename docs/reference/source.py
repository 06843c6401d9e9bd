"""What the source says of itself: docstrings below attributes, and signatures."""

import ast
import inspect
import itertools
from collections.abc import Iterator
from typing import Any

from docs.reference.markdown import one_line


def docstrings(module: Any, name: str) -> dict[str, str]:
    """The string below each member of a class, which Python itself does not keep."""
    tree = ast.parse(inspect.getsource(getattr(module, name))).body[0]
    assert isinstance(tree, ast.ClassDef)
    return dict(docstrings_below(tree.body))


def constants(module: Any) -> dict[str, str]:
    """The string below each constant of a module."""
    return dict(docstrings_below(ast.parse(inspect.getsource(module)).body))


def docstrings_below(body: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    for before, after in itertools.pairwise(body):
        match before, after:
            case (
                ast.Assign(targets=[ast.Name(id=member)]) | ast.AnnAssign(target=ast.Name(id=member)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                yield member, one_line(text)
            case _:
                continue


def plain(signature: inspect.Signature) -> str:
    """As somebody calls it: without self and annotations."""
    names = [p.replace(annotation=p.empty) for name, p in signature.parameters.items() if name != "self"]
    text = str(signature.replace(parameters=names, return_annotation=inspect.Signature.empty))[1:-1]
    return text.replace("<factory>", "…")
