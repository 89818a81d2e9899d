"""Several videos of one camera, one behind the other, as one source."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence

from cleanplate.errors import NoFrameError, VideoError
from cleanplate.images import Frame, Size
from cleanplate.scenes.video import DEFAULT_RATE_FPS, FrameSource


class ChainedSource:
    """Sources one behind the other; frames are numbered from 1 on through all of them.

    A number stays when another source comes behind: each source keeps its place, also where fewer
    of its frames than it declares can be decoded.

    Args:
        sources: of one size, each with as many frames as its ``numbers`` say.
        name: what the whole is called.

    Raises:
        VideoError: there is none, one has no frames, or they differ in size.
    """

    def __init__(self, sources: Sequence[FrameSource], name: str) -> None:
        if not sources:
            raise VideoError(f"{name}: no video; bring one in first")
        self.name = name
        self.size: Size = sources[0].size
        self.rate_fps = sources[0].rate_fps or DEFAULT_RATE_FPS
        self.sources = tuple(sources)
        self.firsts: list[int] = []
        """The number of each source's first frame."""
        self.count = 0
        for source in sources:
            if not source.numbers:
                raise VideoError(f"{source.name}: holds no frames; take it out of the project")
            if source.size != self.size:
                raise VideoError(
                    f"{source.name} is {source.size[1]}x{source.size[0]} but {sources[0].name} is "
                    f"{self.size[1]}x{self.size[0]}; a project is one camera, make another for it"
                )
            self.firsts.append(self.count + 1)
            self.count += len(source.numbers)

    @property
    def numbers(self) -> Sequence[int]:
        return range(1, self.count + 1)

    def __iter__(self) -> Iterator[tuple[int, Frame]]:
        for first, source in zip(self.firsts, self.sources, strict=True):
            for index, (_, frame) in zip(range(len(source.numbers)), source, strict=False):
                yield first + index, frame

    def __contains__(self, number: object) -> bool:
        return isinstance(number, int) and 1 <= number <= self.count

    def place(self, number: int) -> tuple[FrameSource, int]:
        """Return the source that holds a frame, and the frame's number there.

        Raises:
            NoFrameError: there is no such frame.
        """
        if number not in self:
            raise NoFrameError(f"{self.name}: there is no frame {number}; it has 1 to {self.count}")
        index = bisect_right(self.firsts, number) - 1
        source = self.sources[index]
        return source, source.numbers[number - self.firsts[index]]

    def read(self, number: int) -> Frame:
        source, own = self.place(number)
        return source.read(own)
