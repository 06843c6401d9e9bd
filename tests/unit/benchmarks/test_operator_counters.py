"""What an operator has used and written is read from its metrics, of all replicas together."""

from benchmarks.operator_counters import Counters

METRICS = """\
# TYPE process_cpu_seconds_total counter
process_cpu_seconds_total {cpu}
djangotasks_api_requests_total{{code="201",resource="jobs",verb="create"}} {jobs}
djangotasks_api_requests_total{{code="200",resource="pods",verb="json_patch"}} 2.0
djangotasks_api_requests_total{{code="422",resource="pods",verb="json_patch"}} 40.0
djangotasks_api_requests_total{{code="200",resource="djangotasks",verb="get"}} 50.0
djangotasks_api_requests_total{{code="200",resource="leases",verb="patch"}} 60.0
"""


def test_of_all_replicas_and_only_what_counts() -> None:
    answers = [[METRICS.format(cpu=1.5, jobs=3.0), METRICS.format(cpu=0.5, jobs=0.0)], [METRICS.format(cpu=4, jobs=9)]]
    counters = Counters(lambda: answers.pop(0))
    before = counters.read()
    assert (before.cpu, before.writes) == (2.0, 7.0)
    used = counters.read().since(before)
    assert (used.cpu, used.writes) == (2.0, 4.0)
    assert used.seconds >= 0
