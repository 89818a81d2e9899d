"""Run an exported model with onnxruntime and NumPy alone: raw BGR frames in, raw masks out.

ffmpeg -i clip.mp4 -f rawvideo -pix_fmt bgr24 - | python run_exported.py MODEL.onnx 320x240 \
    | ffmpeg -f rawvideo -pix_fmt gray -s 320x240 -i - masks.mp4
"""

import sys

import numpy as np
import onnxruntime


def main() -> None:
    """Segment what comes on stdin, frame by frame, and write the masks to stdout."""
    model, size = sys.argv[1:]
    width, height = map(int, size.split("x"))
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    count = 0
    while len(data := sys.stdin.buffer.read(height * width * 3)) == height * width * 3:
        image = np.frombuffer(data, np.uint8).reshape(1, height, width, 3)
        mask, _probability, *_background = session.run(None, {"image": image})
        sys.stdout.buffer.write(mask.tobytes())
        count += 1
    print(f"{count} frames", file=sys.stderr)


if __name__ == "__main__":
    main()
