"""What a trained generator needs to upscale images."""
