"""Networks: layers, roles of tensors and their formats, the compiled engine that trains them, and any module of torch.

lpbench.networks.quantize_(model, recipe="fp8", seed=0)
steps = lpbench.networks.optimizer(model, torch.optim.AdamW, lr=1e-3)
with lpbench.networks.record(steps, "mine") as run: ...      # the loop writes a sweep
"""

from lpbench.lazy import attributes

__getattr__ = attributes(
    __name__,
    {
        "optimizer": "lpbench.networks.modules.optimizer.optimizer",
        "record": "lpbench.networks.modules.recording.record",
        "quantize_": "lpbench.networks.modules.quantizing.quantize_",
    },
)
