"""An RTMP server for one publisher, which says of each frame how bright it is.

python rtmp_server.py ADDRESS
"""

import sys

import av


def main() -> None:
    """Print one line a frame, ``HEIGHT WIDTH BRIGHTNESS``, until the publisher goes."""
    with av.open(sys.argv[1], options={"listen": "1"}, timeout=20) as container:
        try:
            for picture in container.decode(video=0):
                frame = picture.to_ndarray(format="rgb24")
                print(*frame.shape[:2], round(float(frame.mean())), flush=True)  # noqa: T201
        except av.FFmpegError:
            pass  # the publisher has gone


if __name__ == "__main__":
    main()
