"""No page has a word that cannot be translated: in a language without our letters, none of ours are left.

All messages are translated into signs, and all that the cluster says is in another script. What is still in our letters
was written in the code, and never went through gettext.
"""

import re
from collections.abc import Iterator
from copy import deepcopy
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import django
import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from django.test import Client
from django.utils import translation

from django_tasks_kubernetes.admin.reading import forget
from djangotasks_api.phases import Phase
from djangotasks_api.workflow.records import StepPhase, WorkflowPhase
from tests.unit.backend.admin.addresses import ADDRESSES
from tests.unit.backend.admin.conftest import LogIn
from tests.unit.backend.admin.test_permissions import PERMISSIONS, form
from tests.unit.backend.admin.whole_cluster import NAMES, QUEUES, SCHEDULES, TASKS, WORKFLOWS, WholeCluster
from tests.unit.backend.admin.whole_project import fill_tables
from tests.unit.backend.web_server import Server
from tests.unit.backend.workflow_resources import BEGUN
from tools.messages import extracted, mo_bytes

# One of Django's that has one form for all numbers, and dates without letters.
LANGUAGE = "ja"
SIGN = "の"
DATA = "данные"
KEPT = re.compile(r"%\(\w+\)\w|%[sd%]|\{\w*\}|<[^>]*>|&\w+;")
WORD = re.compile("[A-Za-z]+")
# Of which kubectl has the same: names of kinds, phases, values of fields; and what people and zones are called.
SAME = {
    *Phase, *StepPhase, *WorkflowPhase, *NAMES.values(), "default", "shop", "admin", "parent", "other",
    "Europe", "Berlin", "UTC", "MiB", "Allow", "All", "two", "three", "jane", "builtins", "KeyError",
    # Of workflows, also of the steps that a box stands for.
    "extract", "render", "publish", "alert", "clean", "up",
}  # fmt: skip

# What the code goes by.
READ = {
    "phase",
    "type",
    "status",
    "cron",
    "timeZone",
    "runs",
    "concurrencyPolicy",
    "catchUp",
    "until",
    "payload",
    "result",
}
EXPRESSIONS = ("0 2 * * *", "*/15 9-17/2 1,L JAN-MAR MON#2", "5,35 */2 * * *")
# What stands for itself: expressions, and ids.
CHOSEN = re.compile("|".join([*map(re.escape, EXPRESSIONS), "[0-9a-f]{8}-[0-9a-f-]{27}"]))


class Read(HTMLParser):
    """What is read of a page, but for what is to be typed into a shell or a program."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self._skipped: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("pre", "code", "script", "style"):
            self._skipped.append(tag)
        self.found |= {value for name, value in attrs if value and name in ("aria-label", "title", "placeholder")}

    def handle_endtag(self, tag: str) -> None:
        if self._skipped and self._skipped[-1] == tag:
            self._skipped.pop()

    def handle_data(self, data: str) -> None:
        if not self._skipped:
            self.found.add(" ".join(data.split()))


def signs(text: str) -> str:
    """Each letter as a sign; what is filled in, and markup, stay."""
    parts, last = [], 0
    for kept in KEPT.finditer(text):
        parts += [re.sub(r"[^\W\d_]", SIGN, text[last : kept.start()]), kept[0]]
        last = kept.end()
    return "".join([*parts, re.sub(r"[^\W\d_]", SIGN, text[last:])])


def catalogs() -> Iterator[Catalog]:
    yield extracted()
    for part in ("conf", "contrib/admin", "contrib/auth", "contrib/contenttypes"):
        with Path(django.__file__).parent.joinpath(part, "locale/en/LC_MESSAGES/django.po").open("rb") as file:
            yield read_po(file)


@pytest.fixture
def in_signs(settings: Any, log_in: LogIn, tmp_path: Path) -> Iterator[Client]:
    all_of_them = Catalog(locale=LANGUAGE)
    for catalog in catalogs():
        for message in catalog:
            if message.id:
                first = message.id if isinstance(message.id, str) else message.id[0]
                last = message.id if isinstance(message.id, str) else message.id[-1]
                string: Any = signs(last) if message.id == first else (signs(last),)
                all_of_them.add(message.id, string, context=message.context)
    made = tmp_path / LANGUAGE / "LC_MESSAGES" / "django.mo"
    made.parent.mkdir(parents=True)
    made.write_bytes(mo_bytes(all_of_them))
    settings.LOCALE_PATHS = [tmp_path]
    settings.LANGUAGE_CODE = LANGUAGE
    translation.trans_real._translations.pop(LANGUAGE, None)  # type: ignore[attr-defined]
    with translation.override(LANGUAGE):
        yield log_in(*PERMISSIONS)
    translation.trans_real._translations.pop(LANGUAGE, None)  # type: ignore[attr-defined]


def elsewhere_spelled(value: Any, key: str = "") -> Any:
    """The same with all that somebody may choose in another script."""
    if isinstance(value, dict):
        return {name: elsewhere_spelled(one, name) for name, one in value.items()}
    if isinstance(value, list):
        return [elsewhere_spelled(one, key) for one in value]
    is_free = isinstance(value, str) and key not in READ and not key.endswith("At") and not key.endswith("ndexes")
    return DATA if is_free else value


def rich_cluster() -> WholeCluster:
    """All for which a page has words."""
    cluster = WholeCluster()
    cluster.resources = deepcopy(cluster.resources)
    (failed, *_others), (queue,), (schedule,), (workflow,) = (
        cluster.resources[plural] for plural in (TASKS, QUEUES, SCHEDULES, WORKFLOWS)
    )
    failed["spec"] |= {"runAfter": "2026-11-29T12:00:01Z", "expiresAt": "2036-11-29T12:00:01Z", "priority": 5}
    failed["spec"] |= {"payloadRef": {"size": 5_000_000, "storage": "large", "name": "a"}}
    failed["status"] |= {"interruptions": 2, "nextAttemptAt": "2026-11-29T12:00:01Z"}
    failed["status"]["attempts"][0]["usage"] = {"memoryBytes": 5_000_000, "cpuSeconds": 12.5}
    condition = {"type": "StandbyReady", "status": "False", "reason": "Quota", "message": "No room."}
    queue["status"] |= {"standby": {"ready": 1, "starting": 2}}
    queue["status"]["conditions"].append(condition)
    schedule["spec"] |= {"cron": [*EXPRESSIONS], "catchUp": "All", "concurrencyPolicy": "Allow"}
    schedule["status"] |= {"skipped": {"count": 3, "reason": "StillRunning"}}
    every = deepcopy(schedule) | {"spec": schedule["spec"] | {"cron": None, "everyMinutes": 7, "suspended": True}}
    every["metadata"] = every["metadata"] | {"name": "other"}
    cluster.resources[SCHEDULES].append(every)
    steps, found = workflow["spec"]["steps"], workflow["status"]["steps"]
    steps[1]["map"]["chunk"] = 4
    found["render"]["takenOver"] = [{"workflow": "other", "indexes": "0-2"}]
    found["extract"]["takenOver"] = [{"workflow": "other", "indexes": "0"}]
    steps[2]["inputs"].append({"into": "/args/2", "step": "extract"})
    workflow["spec"] |= {"suspended": True, "cancel": True, "maxParallel": 3, "priority": 2}
    workflow["spec"] |= {"policy": {"timeoutSeconds": 3600}, "enqueuedBy": {"name": "parent"}}
    workflow["spec"] |= {"schedule": NAMES[SCHEDULES], "scheduledFor": BEGUN, "idempotencyKey": "order-1"}
    for plural, resources in cluster.resources.items():
        for place, resource in enumerate(resources):
            spelled = elsewhere_spelled({"spec": resource["spec"], "status": resource.get("status") or {}})
            if plural == WORKFLOWS:
                # The graph is one by the names of its steps.
                for step, own in zip(spelled["spec"]["steps"], resource["spec"]["steps"], strict=True):
                    step |= {"name": own["name"]} | {key: own[key] for key in ("map", "inputs", "after") if key in own}
            resources[place] = resource | spelled
    return cluster


def left_of(name: str, response: Any, found: dict[str, list[str]]) -> None:
    """Adds the texts of a page that have words of ours."""
    if response.status_code == 200 and response.headers["Content-Type"].startswith("text/html"):
        texts = {text for text in Read(response.text).found if set(WORD.findall(CHOSEN.sub("", text))) - SAME}
        if texts:
            found[name] = sorted(texts)


@pytest.mark.parametrize(
    "cluster", ["one of each", *(pytest.param(one, marks=pytest.mark.thorough) for one in ("nothing", "away"))]
)
def test_no_page_has_a_word_of_the_code(whole_server: Server, in_signs: Client, cluster: str) -> None:
    fill_tables(DATA)
    whole_server.answer = whole = rich_cluster()
    if cluster == "nothing":
        whole.resources = {plural: [] for plural in NAMES}
    elif cluster == "away":
        whole_server.answer = lambda request: None
    left: dict[str, list[str]] = {}
    for one in ADDRESSES:
        left_of(one.name, in_signs.get(one.path), left)
    assert not left, "\n".join(f"{name}: {texts}" for name, texts in left.items())


@pytest.mark.thorough
def test_no_answer_to_a_form_has_a_word_of_the_code(whole_server: Server, in_signs: Client) -> None:
    left: dict[str, list[str]] = {}
    for one in ADDRESSES:
        for filled_in in ({}, {"concurrency": "x", "new_id": "x", "version": "old", "until": "x"}):
            fill_tables(DATA)
            whole_server.answer = rich_cluster()
            forget()
            response = in_signs.post(one.path, form(one) | {"reason": DATA} | filled_in, follow=True)
            left_of(f"{one.name} {filled_in}", response, left)
    assert not left, "\n".join(f"{name}: {texts}" for name, texts in left.items())
