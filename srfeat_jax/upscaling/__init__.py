"""From weights to an upscaler, and from an image to the upscaled image."""
