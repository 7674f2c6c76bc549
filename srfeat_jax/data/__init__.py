"""Pictures on the host: files, scenes, crops, batches (numpy and grain)."""
