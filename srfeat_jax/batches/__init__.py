"""What a run trains on: from its config to batches on the devices."""
