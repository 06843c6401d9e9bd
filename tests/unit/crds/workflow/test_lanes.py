"""What never runs in steps that follow a map is found at a cost of their number."""

from __future__ import annotations

from itertools import pairwise

from djangotasks_api.workflow import lanes
from djangotasks_api.workflow.graph import Step
from djangotasks_api.workflow.steps import StepState


def test_an_item_is_skipped_in_any_number_of_steps() -> None:
    """Each of them went through all those before it: 200 failures before 500 steps held up a leader for two seconds."""
    states = [StepState(at, Step(name=f"s{at}")) for at in range(2_000)]
    for before, state in pairwise(states):
        before.each_followers.append(state)
    assert list(lanes.skip(states[0], 3)) == states
    assert list(lanes.skip(states[0], 3)) == [], "what is known already"
