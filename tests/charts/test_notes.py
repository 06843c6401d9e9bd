"""What helm says at the end of an installation: what is to be done next, in commands that can be pasted."""

from __future__ import annotations

from tests.support.charts import OPERATOR, WEB_APP, notes, one, render


def test_the_operators_notes_say_how_to_see_whether_its_pods_run() -> None:
    text = notes(OPERATOR)
    labels = one(render(OPERATOR), "Deployment")["spec"]["selector"]["matchLabels"]
    selector = ",".join(sorted(f"{label}={value}" for label, value in labels.items()))
    assert f"kubectl get pods -n operators -l {selector}\n" in text
    assert "helm test tasks -n operators\n" in text
    assert "ErrImagePull" in text


def test_the_operators_notes_say_what_it_may_reach() -> None:
    assert "right to all" in notes(OPERATOR, {"watchAllNamespaces": True})
    text = notes(OPERATOR, {"watchNamespaces": ["shop", "bank"]})
    assert text.startswith("The operator runs the tasks of shop, bank.\n")
    assert "kubectl get djangotasks -n shop -w" in text


def test_the_operators_notes_say_how_to_install_another_one() -> None:
    assert "crds.enabled=false" in notes(OPERATOR)
    assert "crds.enabled=false" not in notes(OPERATOR, {"crds": {"enabled": False}})


def test_a_web_app_without_a_queue_learns_what_its_tasks_will_do() -> None:
    text = notes(WEB_APP)
    assert "No queue yet: tasks wait with the reason QueueNotFound" in text
    assert "--set queues.default.podTemplateFrom.deployment=" in text
    text = notes(WEB_APP, {"queues": {"reports": {"template": {}}, "default": {"template": {}}}})
    assert "Queues: default, reports." in text
    assert "QueueNotFound" not in text


def test_the_account_of_everybody_is_advised_against() -> None:
    assert "so the same right" not in notes(WEB_APP, {"serviceAccounts": ["web"]})
    assert "so the same right" in notes(WEB_APP, {"serviceAccounts": ["default"]})
