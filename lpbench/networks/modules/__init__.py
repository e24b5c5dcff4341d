"""Any torch module with its tensors in number formats: what imports torch, and is imported where it is needed."""

import os
import sys

MKL = "MKL_CBWR"
if "torch" not in sys.modules:
    os.environ.setdefault(MKL, "AVX2")  # its sums in one order, which it asks for before the first of them

VERSION = 1  # of the engine `torch`: it rises when results of its cells change
