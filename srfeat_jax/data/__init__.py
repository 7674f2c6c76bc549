"""What training and benchmarks read: images, crops, batches (numpy, grain)."""
