"""A studio to ask, as the studio's own tests have it."""

from tests.studio.conftest import client, folder

__all__ = ["client", "folder"]
