"""Remember which objects were deleted a moment ago: an answer that was on its way must not bring them back."""

from collections import OrderedDict

# Of the latest deletions. The operator makes at most 50 a second, of a task with its Jobs and Pods each, and an answer
# takes seconds at most.
REMEMBERED_MAX = 16_384


class Tombstones:
    """The uids of the objects that were deleted last, in order of their deletion."""

    def __init__(self, most: int = REMEMBERED_MAX) -> None:
        self._deletions: OrderedDict[str, int] = OrderedDict()
        self._most = most
        self.count = 0
        """How many deletions there were: tells what came before a request from what came after it."""

    def __contains__(self, uid: str) -> bool:
        return uid in self._deletions

    def add(self, uid: str) -> None:
        self.count += 1
        self._deletions[uid] = self.count
        self._deletions.move_to_end(uid)
        if len(self._deletions) > self._most:
            self._deletions.popitem(last=False)

    def refute(self, uid: str, asked_at: int) -> bool:
        """Forget the deletion of an object that an answer shows. False where it came after the question, whose `count`
        was `asked_at`: then it stands."""
        if self._deletions.get(uid, 0) > asked_at:
            return False
        self._deletions.pop(uid, None)
        return True
