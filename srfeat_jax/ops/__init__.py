"""Pure array functions: pixels, resizing, colour, quality, artifacts."""
