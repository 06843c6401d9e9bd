"""The tables of what a project imports: the backend, its options, tasks, results and exceptions."""

import inspect

from django_tasks_kubernetes import chunks, conf, deploy_checks, exceptions, retry, signals, task, workflows
from django_tasks_kubernetes.backend import KubernetesBackend
from django_tasks_kubernetes.context import KubernetesTaskContext
from django_tasks_kubernetes.result import KubernetesResult
from django_tasks_kubernetes.schedules import definition
from django_tasks_kubernetes.workflows.result import WorkflowResult
from djangotasks_api.workflow.graph import Runs
from docs.reference.markdown import code, indented, one_line, table
from docs.reference.source import constants, docstrings, plain

# Methods of the backend that Django's own do not have. All but watch have an asynchronous one beside them, with an `a`.
BEYOND_DJANGO = ("enqueue_many", "enqueue_chunks", "get_chunks", "cancel", "retry", "results", "watch")


def options_table() -> str:
    """The backend's OPTIONS: name, default, meaning."""
    default = conf.Options()
    texts = docstrings(conf, "Options")
    rows = ((f"`{name.upper()}`", code(getattr(default, name)), text) for name, text in texts.items())
    return table(("option", "default", "what it is"), rows)


def checks_table() -> str:
    """What `manage.py check --deploy --tag tasks --database default` may say of the cluster."""
    rows = ((f"`{id_}`", one_line(inspect.getdoc(error) or "")) for error, id_ in deploy_checks.CLUSTER_IDS.items())
    return table(("id", "what is wrong"), rows)


def verbs_table() -> str:
    return table(("verb", "what needs it"), ((f"`{verb}`", why) for verb, why in deploy_checks.VERBS.items()))


def task_options_table() -> str:
    """What KubernetesTask has beyond Django's own Task."""
    texts = docstrings(task, "KubernetesTask")
    return table(("option", "what it is"), ((f"`{name}`", text) for name, text in texts.items()))


def schedule_options_table() -> str:
    """What @schedule takes beside the expressions and the arguments."""
    texts = docstrings(definition, "Schedule")
    rows = ((f"`{name}`", text) for name, text in texts.items() if name in definition.ScheduleOptions.__annotations__)
    return table(("option", "what it is"), rows)


def workflows_text() -> str:
    """What draws a workflow, and what its result has."""
    functions = (workflows.workflow, workflows.step, workflows.each, workflows.call, workflows.chain, workflows.group)
    drawn = "\n".join(
        f"`{each.__name__}({plain(inspect.signature(each))})`\n:   {indented(each)}\n" for each in functions
    )
    rows = (
        (f"`{name}{'()' if callable(member) else ''}`", one_line(inspect.getdoc(member) or ""))
        for name, member in vars(WorkflowResult).items()
        if not name.startswith("_")
    )
    drawn = drawn.replace(repr(Runs.ON_SUCCESS), "ON_SUCCESS")
    return f"{drawn}\n{table(('of a WorkflowResult', 'what it is'), rows)}"


def chunks_text() -> str:
    """What enqueues chunks, and what their results have."""
    signature = plain(inspect.signature(chunks.enqueue_chunks))
    rows = (
        (f"`{name}{'()' if callable(member) else ''}`", one_line(inspect.getdoc(member) or ""))
        for name, member in vars(chunks.ChunkResults).items()
        if not name.startswith("_")
    )
    what = f"`enqueue_chunks({signature})`\n:   {indented(chunks.enqueue_chunks)}\n"
    return f"{what}\n{table(('of ChunkResults', 'what it is'), rows)}"


def retry_text() -> str:
    """The classes that say when a task is tried again."""
    return "\n".join(
        f"`{class_.__name__}({plain(inspect.signature(class_))})`\n:   {indented(class_)}\n"
        for class_ in (retry.Retry, retry.Exponential, retry.Linear, retry.Fixed, retry.RetryLater)
    )


def methods_text() -> str:
    """What the backend can do beyond Django's own interface."""
    return "\n".join(
        f"`{name}({plain(inspect.signature(method))})`\n:   {indented(method)}\n"
        for name in BEYOND_DJANGO
        if (method := getattr(KubernetesBackend, name))
    )


def results_text() -> str:
    """What a result can do beyond Django's own."""
    methods = (KubernetesResult.wait, KubernetesResult.get, KubernetesResult.cancel)
    return "\n".join(
        f"`{method.__name__}({plain(inspect.signature(method))})`\n:   {indented(method)}\n" for method in methods
    )


def signals_table() -> str:
    rows = ((f"`{name}`", text) for name, text in constants(signals).items())
    return table(("signal", "when"), rows)


def context_text() -> str:
    """What the context can do beyond Django's own."""
    methods = (KubernetesTaskContext.progress, KubernetesTaskContext.heartbeat)
    return "\n".join(
        f"`{method.__name__}({plain(inspect.signature(method))})`\n:   {indented(method)}\n" for method in methods
    )


def exceptions_table() -> str:
    """In the order of the module: first what is raised, then what stands in results."""
    found = (e for e in vars(exceptions).values() if isinstance(e, type) and e.__module__ == exceptions.__name__)
    return table(("class", "what it says"), ((f"`{e.__name__}`", one_line(inspect.getdoc(e) or "")) for e in found))
