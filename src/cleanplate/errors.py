"""What can go wrong: one base class and its few kinds, each message one line.

A message says what is wrong, where, and what to do about it.
"""


class CleanplateError(Exception):
    """Base of every error that Cleanplate raises on purpose."""


class ConfigError(CleanplateError):
    """A setting is unknown, of the wrong type or out of range."""


class VideoError(CleanplateError):
    """A picture or a video cannot be read or written."""


class NoFrameError(VideoError):
    """A source has no frame of a number: it ends before, or starts after."""


class DatasetError(CleanplateError):
    """A scene on disk is incomplete or contradicts itself."""


class WeightsError(CleanplateError):
    """A model file is damaged, foreign, or does not fit its configuration."""


class OutputError(CleanplateError):
    """An output exists already or cannot be written."""
