"""What a watch says while the API server is away."""

from django_tasks_kubernetes.cli.output import Output
from django_tasks_kubernetes.presentation.text import safe
from django_tasks_kubernetes.watch.stream import Connected, Disconnected


class ConnectionProblem:
    """What is wrong with the connection: said once, or shown beside a table that is redrawn."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self.text = ""

    def take(self, change: object, *, redrawn: bool) -> None:
        """Handles a change of the stream, where it is about the connection."""
        match change:
            case Disconnected(error):
                text = safe(f"{error} Retrying.")
            case Connected():
                text = ""
            case _:
                return
        if text and text != self.text and not redrawn:
            self._output.note(text)
        self.text = text
