"""Training: configuration and presets, one readable loop, the run directory."""
