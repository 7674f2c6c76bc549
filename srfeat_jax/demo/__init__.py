"""A page to upscale images on, in a browser."""
