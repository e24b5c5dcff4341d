"""Networks: layers, roles of tensors and their formats, and the compiled engine that trains them."""
