"""What it takes to enlarge a person's pictures."""
