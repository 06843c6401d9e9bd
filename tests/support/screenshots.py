"""Pictures of pages, small enough for a repository: of few colours, since pages have few."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

COLORS = 128


def shoot(page: Page, folder: Path, name: str, look: str) -> None:
    """Writes `admin-overview.png`; `admin-overview-dark.png` of another look than the light one."""
    folder.mkdir(parents=True, exist_ok=True)
    picture = Image.open(io.BytesIO(page.screenshot(animations="disabled", caret="hide"))).convert("RGB")
    suffix = "" if look == "light" else f"-{look}"
    few = picture.quantize(COLORS, dither=Image.Dither.NONE)
    few.save(folder / f"admin-{name}{suffix}.png", optimize=True)
