"""A model converted for the fastest engine: ``python -m cleanplate.studio.converting MODEL``."""

from __future__ import annotations

import sys
from pathlib import Path

from cleanplate.subtractors.two_stage import load


def main() -> None:
    """Load the model once, which converts it and keeps what was converted."""
    load(Path(sys.argv[1]), "cpu")


if __name__ == "__main__":
    main()
