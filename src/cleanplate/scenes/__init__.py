"""Where pictures come from: frames, labels, clean backgrounds, drawn scenes."""
