"""Numbers computed alike in numpy, in torch and in compiled kernels: every operation rounded once, in one order."""
