"""Who segments: one protocol, many methods."""
