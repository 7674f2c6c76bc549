"""Pure array functions: pixels, resizing, color, quality, artifacts."""
