"""OPTIONS: what is known, and what is said of the rest."""

from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from django_tasks_kubernetes.conf import KNOWN, RULES, Options, problems_of


def test_options_are_all_optional() -> None:
    assert Options.parse({}) == Options(None, None, None, 10.0, 3)


def test_options_are_parsed() -> None:
    raw = {"NAMESPACE": "shop", "KUBECONFIG": Path("~/k"), "CONTEXT": "prod", "REQUEST_TIMEOUT": 2, "RETRIES": 0}
    assert Options.parse(raw) == Options("shop", str(Path.home() / "k"), "prod", 2, 0)


def test_options_take_none_as_the_default() -> None:
    assert (
        Options.parse(dict.fromkeys(("NAMESPACE", "KUBECONFIG", "CONTEXT", "REQUEST_TIMEOUT", "RETRIES"))) == Options()
    )


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (
            {"NAMSPACE": "x"},
            "NAMSPACE is not an option. Did you mean NAMESPACE? Known options: NAMESPACE, KUBECONFIG, ",
        ),
        ({"namespace": "x"}, "Did you mean NAMESPACE?"),
        ({"QQQ": 1}, "QQQ is not an option. Known options:"),
        ({"NAMESPACE": "Shop"}, "NAMESPACE must be a namespace's name, in lower case, not 'Shop'."),
        ({"NAMESPACE": "shop\n"}, "NAMESPACE must be"),
        ({"NAMESPACE": "x" * 64}, "NAMESPACE must be"),
        ({"NAMESPACE": 1}, "NAMESPACE must be"),
        ({"KUBECONFIG": 1}, "KUBECONFIG must be a path, not 1."),
        ({"CONTEXT": ""}, "CONTEXT must be the name of a context, not ''."),
        ({"REQUEST_TIMEOUT": 0}, "REQUEST_TIMEOUT must be a number of seconds above 0, not 0."),
        ({"REQUEST_TIMEOUT": "5"}, "REQUEST_TIMEOUT must be"),
        ({"REQUEST_TIMEOUT": True}, "REQUEST_TIMEOUT must be"),
        ({"REQUEST_TIMEOUT": float("inf")}, "REQUEST_TIMEOUT must be"),
        ({"REQUEST_TIMEOUT": float("nan")}, "REQUEST_TIMEOUT must be"),
        ({"RETRIES": -1}, "RETRIES must be a whole number from 0, not -1."),
        ({"RETRIES": 1.5}, "RETRIES must be"),
    ],
)
def test_options_name_a_problem(raw: dict[str, Any], problem: str) -> None:
    (found,) = problems_of(raw)
    assert found.startswith(problem) or problem in found
    with pytest.raises(ImproperlyConfigured):
        Options.parse(raw)


def test_options_name_all_problems_at_once() -> None:
    with pytest.raises(ImproperlyConfigured, match=r"RETRIES .* CONTEXT"):
        Options.parse({"RETRIES": -1, "CONTEXT": ""})


def test_each_option_has_a_rule() -> None:
    assert set(RULES) == set(KNOWN)
