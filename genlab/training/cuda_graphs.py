"""Steps as CUDA graphs."""

from collections.abc import Callable

import torch
from torch import Tensor

Step = Callable[[], Tensor]


class CUDAGraphs:
    """Steps on a stream of their own, which a graph wants; all graphs share their memory, since one runs at a time."""

    def __init__(self, device: torch.device) -> None:
        self._stream = torch.cuda.Stream(device)
        self._pool = torch.cuda.graph_pool_handle()

    def run(self, step: Step) -> Tensor:
        """Run a step once, where and as it would be recorded."""
        outside = torch.cuda.current_stream()
        self._stream.wait_stream(outside)
        with torch.cuda.stream(self._stream):
            result = step()
        outside.wait_stream(self._stream)
        return result

    def record(self, step: Step) -> tuple[Tensor, Callable[[], None]]:
        """Return what a step returns and what runs it: afterwards the tensor has the result. Nothing is run yet."""
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool, stream=self._stream):
            result = step()
        return result, graph.replay
