"""What it takes to enlarge a person's pictures."""

BICUBIC = "bicubic"  # the baseline, which needs no weights
