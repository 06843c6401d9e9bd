"""The charts as parts of another one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.support.charts import OPERATOR, WEB_APP, Manifest, Values, of_kind, render

SHOP: Values = {
    "serviceAccounts": ["web"],
    "app": {"image": "shop:1"},
    "relay": {"enabled": True},
    "schedules": {"sync": True},
    "admin": {"holds": True},
    "networkPolicy": {"enabled": True},
}


@pytest.fixture
def parent(tmp_path: Path) -> Path:
    """A chart that has ours: the web app's twice, each where a value says so, as is the custom (`NAME.enabled`)."""
    for chart in (OPERATOR, WEB_APP):
        shutil.copytree(chart, tmp_path / "charts" / chart.name)
    names = [(OPERATOR.name, OPERATOR.name), (WEB_APP.name, WEB_APP.name), (WEB_APP.name, "backOffice_2")]
    dependencies = [
        {"name": name, "version": ">=0-0", "condition": f"{alias}.enabled"}
        | ({} if alias == name else {"alias": alias})
        for name, alias in names
    ]
    platform = {"apiVersion": "v2", "name": "platform", "version": "1.0.0", "dependencies": dependencies}
    (tmp_path / "Chart.yaml").write_text(json.dumps(platform))
    return tmp_path


def rendered(parent: Path, values: Values) -> list[Manifest]:
    off = {name: {"enabled": False} for name in (OPERATOR.name, WEB_APP.name, "backOffice_2")}
    return render(parent, off | {"global": {"imageRegistry": "x"}} | values)


def test_a_condition_of_the_parent_chooses_what_is_installed(parent: Path) -> None:
    assert not rendered(parent, {})
    # Without a key of its own, which would be another one each time.
    operator = {"watchNamespaces": ["shop"], "key": {"existingSecret": "mine"}}
    assert rendered(parent, {OPERATOR.name: operator | {"enabled": True}}) == render(OPERATOR, operator)
    assert rendered(parent, {WEB_APP.name: SHOP | {"enabled": True}}) == render(WEB_APP, SHOP)


def test_two_web_apps_of_one_release_have_each_their_own(parent: Path) -> None:
    other = SHOP | {"serviceAccounts": ["backoffice"]}
    both = rendered(parent, {WEB_APP.name: SHOP | {"enabled": True}, "backOffice_2": other | {"enabled": True}})
    names = [(manifest["kind"], manifest["metadata"]["name"]) for manifest in both]
    assert len(set(names)) == len(names)
    assert ("Role", "tasks-enqueue") in names
    assert ("Role", "tasks-backoffice-2-enqueue") in names
    bound = {b["metadata"]["name"]: b["subjects"][0]["name"] for b in of_kind(both, "RoleBinding")}
    assert (bound["tasks-enqueue"], bound["tasks-backoffice-2-enqueue"]) == ("web", "backoffice")
    selectors = [deployment["spec"]["selector"]["matchLabels"] for deployment in of_kind(both, "Deployment")]
    assert len(selectors) == 2
    assert selectors[0] != selectors[1]
    # Each deletes the schedules that it has declared, and no longer does: its own alone.
    declared = [job["spec"]["template"]["spec"]["containers"][0]["command"][5] for job in of_kind(both, "Job")]
    assert sorted(declared) == ["tasks", "tasks-backoffice-2"]
