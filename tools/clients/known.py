"""Django's own tests that this backend does not pass, each with the reason."""

from typing import Final

_QUEUE: Final = "a queue's name is that of a DjangoTaskQueue, so 'unknown_queue' and 'queue_1' are refused as names"
_WORDS: Final = "the same TypeError in other words, which name the place: 'args[0]: datetime is not JSON.'"
_OFFERED: Final = "Django's backend lacks what this one has, and the test expects the refusal"
_INTERNALS: Final = "the test changes the list in which Django's backend keeps its results"
_INTERRUPT: Final = "a KeyboardInterrupt is a failure as any other: nobody is at the keyboard of a pod"
_IMPORT: Final = "the class of an error is AttemptFailed where it is not found here, and reading it never raises"

DIFFERENCES: Final = {
    "tasks.test_dummy_backend.DummyBackendTestCase.test_refresh_result": _INTERNALS,
    "tasks.test_dummy_backend.DummyBackendTestCase.test_refresh_result_async": _INTERNALS,
    "tasks.test_dummy_backend.DummyBackendTestCase.test_validate_on_aenqueue": _QUEUE,
    "tasks.test_dummy_backend.DummyBackendTestCase.test_validate_on_enqueue": _QUEUE,
    "tasks.test_immediate_backend.ImmediateBackendTestCase.test_cannot_get_result": _OFFERED,
    "tasks.test_immediate_backend.ImmediateBackendTestCase.test_cannot_pass_run_after": _OFFERED,
    "tasks.test_immediate_backend.ImmediateBackendTestCase.test_cannot_refresh_result": _OFFERED,
    "tasks.test_immediate_backend.ImmediateBackendTestCase.test_complex_return_value": _WORDS,
    "tasks.test_immediate_backend.ImmediateBackendTestCase.test_validate_on_aenqueue": _QUEUE,
    "tasks.test_immediate_backend.ImmediateBackendTestCase.test_validate_on_enqueue": _QUEUE,
    "tasks.test_tasks.TaskTestCase.test_aenqueue_with_invalid_argument": _WORDS,
    "tasks.test_tasks.TaskTestCase.test_enqueue_with_invalid_argument": _WORDS,
    "tasks.test_immediate_backend.ImmediateBackendTestCase.test_throws_keyboard_interrupt": _INTERRUPT,
    "tasks.test_tasks.TaskTestCase.test_task_error_invalid_exception": _IMPORT,
    "tasks.test_tasks.TaskTestCase.test_task_error_unknown_module": _IMPORT,
    "tasks.test_tasks.TaskTestCase.test_using_queue_name": _QUEUE,
}
"""By the test's id. Under Django 6.0 and 6.1."""
