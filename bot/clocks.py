"""The clock the process runs on: the machine's, or in the demo the emulators' own."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path

from bot.model.clock import Clock, system_clock


def clock_for(demo_clock_file: Path | None) -> Clock:
    """Return the machine's clock, or one that reads the demo's anchor file at every look."""
    if demo_clock_file is None:
        return system_clock

    def demo_clock() -> datetime:
        anchor = json.loads(demo_clock_file.read_bytes())
        moment = anchor["demo"] + (time.time() - anchor["real"]) * anchor["speed"]
        return datetime.fromtimestamp(moment, UTC)

    return demo_clock
