"""The demo when something goes wrong: it says what, at which step, and ends with an error."""

import pytest

from tools.cluster import Progress, ProviderError
from tools.demo import __main__ as demo
from tools.kubectl import StepFailed


@pytest.mark.parametrize("error", [StepFailed("no pod is ready"), ProviderError("no engine")])
def test_a_failed_step_is_named_and_the_exit_code_is_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    def run(progress: Progress) -> None:
        with demo.step("the shop"):
            raise error

    monkeypatch.setattr(demo, "run", run)
    with pytest.raises(SystemExit) as ended:
        demo.main()
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert str(error) in said
    assert "The demo stopped at the shop." in said


@pytest.mark.parametrize(("name", "status"), [("receipt", "FAILED"), ("failure", "SUCCESSFUL")])
def test_a_task_that_ends_otherwise_than_meant_is_an_error(name: str, status: str) -> None:
    as_meant = {name: {"status": status} for name, status in demo.EXPECTED.items()}
    demo.check(as_meant)
    with pytest.raises(StepFailed, match=f"{name} is {status}, expected"):
        demo.check(as_meant | {name: {"status": status}})
