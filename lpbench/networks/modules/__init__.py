"""Any torch module with its tensors in number formats: what imports torch, and is imported where it is needed."""

VERSION = 1  # of the engine `torch`: it rises when results of its cells change
