"""How fast drawn scenes are drawn, in one process on one core: a line for each challenge.

    python benchmarks/drawing_speed.py --size 320x240

The machine should have nothing else to do.
"""

from __future__ import annotations

import argparse
import time

import cv2

from cleanplate.scenes.synthetic import CHALLENGES, draw, parse_size


def main() -> None:
    """Draw each challenge and print a table; the first frame, which draws the place, is apart."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=300)
    parser.add_argument("--size", type=parse_size, default="320x240", help="WIDTHxHEIGHT")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    print("| challenge | first frame, s | frames/s |\n|---|---|---|")
    for challenge in CHALLENGES:
        start = time.perf_counter()
        moments = draw(challenge, frames=options.frames, size=options.size, seed=options.seed)
        next(moments)
        ready = time.perf_counter()
        count = sum(1 for _ in moments)
        rate = count / (time.perf_counter() - ready)
        print(f"| {challenge} | {ready - start:.2f} | {rate:.0f} |")


if __name__ == "__main__":
    main()
