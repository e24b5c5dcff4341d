"""What is seen of a sweep: its charts. They read the store and never the kernels."""
