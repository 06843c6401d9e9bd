"""Defects are counted wherever they are met."""

from __future__ import annotations

import logging

from djangotasks_operator.cache.kinds import TASK_SOURCE
from djangotasks_operator.cache.store import Store
from djangotasks_operator.telemetry.defects import counted_defects
from djangotasks_operator.telemetry.metrics import Metrics

logger = logging.getLogger("djangotasks_operator.part")


def test_what_cannot_be_cached_is_counted_although_nothing_reconciles_it() -> None:
    """Such a task is left alone: nothing but the log said so."""
    metrics = Metrics()
    with counted_defects(metrics.defects.inc):
        TASK_SOURCE.apply_event(Store(), {"type": "ADDED", "object": {"metadata": {"name": "odd"}}})
        logger.error("not healthy: resync")
        logger.warning("a template", exc_info=ValueError())
    logger.error("a defect, after the end", exc_info=ValueError())
    assert "\ndjangotasks_defects_total 1.0\n" in metrics.text().decode()
