"""OpenCV's loop over a video with one line changed: a trained model in MOG2's place.

python drop_in_for_opencv.py MODEL VIDEO OUTPUT.png

VIDEO is a file, or a pattern such as input/in%06d.png. The last frame, its mask and its clean plate
are written side by side.
"""

import sys

import cv2
import numpy as np

import cleanplate


def main() -> None:
    """Run a model over a video as one runs MOG2."""
    model, video, output = sys.argv[1:]
    subtractor = cleanplate.load(model)  # was: cv2.createBackgroundSubtractorMOG2()
    capture = cv2.VideoCapture(video)
    shown, count = None, 0
    while True:
        found, image = capture.read()
        if not found:
            break
        mask = subtractor.apply(image)
        plate = subtractor.getBackgroundImage()
        shown, count = np.hstack([image, cv2.cvtColor(mask, cv2.COLOR_GRAY2BGR), plate]), count + 1
    if shown is None:
        raise SystemExit(f"{video}: no frames")
    cv2.imwrite(output, shown)
    print(f"{count} frames; the last one is in {output}")


if __name__ == "__main__":
    main()
