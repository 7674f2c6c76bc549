"""A mean-opinion-score study: people rate images from 1 to 5."""
