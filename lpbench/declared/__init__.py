"""What a thing says of itself: choices that it reads, metrics that it records, and the kinds of their values."""
