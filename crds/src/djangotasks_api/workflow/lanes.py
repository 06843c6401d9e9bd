"""Steps that follow a map index by index: what they may run, and what they never will."""

from collections.abc import Iterator, Mapping

from djangotasks_api.workflow.steps import StepState


def connect(state: StepState, by_name: Mapping[str, StepState]) -> None:
    """Find the steps that it needs and follows. They know it then, too."""
    step = state.step
    state.needs = [by_name[name] for name in step.barriers]
    for need in state.needs:
        need.followers.append(state)
    if step.each is not None:
        state.upstream = by_name[step.each]
        state.upstream.each_followers.append(state)


def restore(state: StepState) -> None:
    """Derive what is not stored: which tasks are ready, and which indexes will never run."""
    upstream = state.upstream
    if upstream is None:
        state.ready.limit = state.count_tasks()
        state.see_tasks()
        return
    if state.step.chunk is None:
        for index in upstream.record.completed:
            if not state.is_recorded(index):
                state.ready.add(index)
    for index in (*upstream.record.failed, *upstream.skipped):
        state.skip(index)
    if upstream.record.phase.is_over:
        for _ in skip_rest(state, upstream):
            pass
    state.see_tasks()
    release_chunks(state)


def skip(state: StepState, index: int) -> Iterator[StepState]:
    """The index never runs, nor does it in what follows. Yields the states that have changed."""
    waiting = [state]
    while waiting:
        found = waiting.pop()
        if not found.record.phase.is_over and found.skip(index):
            yield found
            waiting += found.each_followers


def skip_rest(state: StepState, upstream: StepState) -> Iterator[StepState]:
    """The step that it follows is over: what did not succeed there never runs here. Yields the states that have
    changed."""
    for index in upstream.record.completed.absent(upstream.record.width or 0):
        yield from skip(state, index)


def release_chunks(state: StepState) -> None:
    for number in chunks_to_follow(state):
        state.ready.add(number)


def chunks_to_follow(state: StepState) -> list[int]:
    """Of a map in chunks that follows another: the chunks that could run, since those that they follow are over."""
    upstream = state.upstream
    if upstream is None or state.step.chunk is None:
        return []
    found = range(upstream.count_tasks()) if upstream.record.phase.is_over else upstream.tasks_over
    return [number for number in found if number not in state.tasks_over]
