"""Which results are no values, or too large, and which failures of a storage another attempt may not meet."""

import inspect
from typing import NoReturn

from django_tasks_kubernetes.exceptions import ResultTooLarge, StoredTextInvalid
from djangotasks_api.bounds import RESULT_MAX_BYTES, RESULT_STORED_MAX_BYTES
from djangotasks_api.text import stored_bytes


def refuse_unawaited(value: object) -> None:
    """Raises TypeError for what is no value yet: of a generator or a coroutine nothing has run."""
    if inspect.iscoroutine(value):
        value.close()
        raise TypeError(
            "The task returned a coroutine that nobody awaits. Define the task with async def, or await it."
        )
    if inspect.isgenerator(value) or inspect.isasyncgen(value):
        raise TypeError("The task returned a generator, whose code has not run. Return a list of what it yields.")


def fits_resource(text: str) -> bool:
    """Whether a return value may be in the DjangoTask itself."""
    return len(text) <= RESULT_MAX_BYTES and stored_bytes(text) <= RESULT_STORED_MAX_BYTES


def refuse_result(text: str, max_bytes: int | None) -> NoReturn:
    """Raises ResultTooLarge. `max_bytes`: what the storage may take, where there is one."""
    problem = f"The return value takes {len(text):,} bytes as JSON."
    if max_bytes is None:
        limit = f"{RESULT_MAX_BYTES:,} are allowed."
        if len(text) <= RESULT_MAX_BYTES:
            limit = (
                f"The API server would store {stored_bytes(text):,}, since it writes <, > and & as six bytes, and "
                f"quotes as two; {RESULT_STORED_MAX_BYTES:,} are allowed there."
            )
        raise ResultTooLarge(
            f"{problem} {limit} Store it, and return its primary key or file name; or let a storage have what is "
            "larger: OPTIONS['STORAGE']."
        )
    raise ResultTooLarge(f"{problem} {max_bytes:,} are allowed in the storage: OPTIONS['STORAGE_MAX_BYTES'].")


def may_pass(error: BaseException) -> bool:
    """Whether another attempt may meet a storage that works."""
    return not isinstance(error.__cause__, StoredTextInvalid)
