"""What a finished generator needs to enlarge pictures."""
