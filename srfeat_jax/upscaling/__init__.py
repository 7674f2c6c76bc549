"""From weights to an upscaler, and from a person's image to a larger one."""
