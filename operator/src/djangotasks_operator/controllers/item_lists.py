"""The items of results that are mapped over, kept for the tasks that are created for them: in bounded memory, whatever
tasks return. What was dropped is read again."""

from collections import OrderedDict

from djangotasks_api.workflow.item_texts import ItemTexts

ITEMS_MAX_BYTES = 48 * 1024 * 1024


class ItemLists:
    """One instance for all workflows. Lists are known by their workflow's uid and the step that returned them."""

    def __init__(self, most: int = ITEMS_MAX_BYTES) -> None:
        self._most = most
        self._lists: OrderedDict[tuple[str, str], ItemTexts] = OrderedDict()
        self._sizes: dict[tuple[str, str], int] = {}

    def get(self, uid: str, step: str) -> ItemTexts | None:
        if (found := self._lists.get((uid, step))) is not None:
            self._lists.move_to_end((uid, step))
        return found

    def put(self, uid: str, step: str, items: ItemTexts) -> None:
        """Keep the list, and drop those that were asked for the longest ago where there is no room."""
        self._lists[uid, step] = items
        self._lists.move_to_end((uid, step))
        self._sizes[uid, step] = items.bytes
        while len(self._lists) > 1 and sum(self._sizes.values()) > self._most:
            del self._sizes[self._lists.popitem(last=False)[0]]
