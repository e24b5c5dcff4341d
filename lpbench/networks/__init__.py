"""Networks: layers, roles of tensors and their formats, the compiled engine that trains them, and any module of torch.

lpbench.networks.quantize_(model, recipe="fp8", seed=0)
steps = lpbench.networks.optimizer(model, torch.optim.AdamW, lr=1e-3)
"""

from lpbench.lazy import attributes

__getattr__ = attributes(
    __name__,
    {
        "optimizer": "lpbench.networks.modules.optimizer.optimizer",
        "quantize_": "lpbench.networks.modules.quantizing.quantize_",
    },
)
