"""How it learns: batches, phases, checkpoints."""
