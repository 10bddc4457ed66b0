"""Golden files: what people get, as JSON to be read in a review.

They are written anew only by `WRITE_GOLDEN=1`, and then the difference is for a person to judge.
"""

import json
import os
from pathlib import Path

FOLDER = Path(__file__).parent / "golden"
SWITCH = "WRITE_GOLDEN"


def agrees(name: str, found: object, folder: Path = FOLDER) -> bool:
    """Whether the golden file of that name holds just this; with the switch on, write it first."""
    path = folder / f"{name}.json"
    text = json.dumps(found, indent=2, ensure_ascii=False) + "\n"
    if os.environ.get(SWITCH) == "1":
        path.write_text(text, encoding="utf-8")
    return path.read_text(encoding="utf-8") == text
