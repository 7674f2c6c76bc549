"""What a training step costs on devices that are not at hand."""
