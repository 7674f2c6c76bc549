"""What is measured; run as programs, never imported by the package."""
