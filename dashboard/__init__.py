"""What is seen of a sweep: its pages, and their panels as files. They read the store and never the kernels."""
