"""The presets, one TOML file each."""
