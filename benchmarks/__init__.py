"""Programs that measure speed, memory and quality; the package imports none."""
