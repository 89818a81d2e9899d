"""Whole videos: decoded, segmented and written side by side."""
