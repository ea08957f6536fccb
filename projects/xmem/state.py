"""What XMem remembers of a video."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from projects.xmem.memory import KeyValueMemory
from projects.xmem.rules import MemoryRules


@dataclass
class XMemState:
    """State of one video between two frames.

    Attributes:
        memory: Working and long-term memory.
        object_ids: Of the objects tracked, in the order of all tensors.
        time: Number of the last frame, from 0 with the first prompt; -1 before.
        memorised: Number of the last memorised frame.
        deepened: Number of the frame of the last deep update; None before the first.
        hidden: Sensory memory (1, K, C_h, h, w); None without objects or without sensory memory.
    """

    memory: KeyValueMemory
    object_ids: list[int] = field(default_factory=list)
    time: int = -1
    memorised: int = 0
    deepened: int | None = None
    hidden: Tensor | None = None

    @classmethod
    def empty(cls, rules: MemoryRules) -> 'XMemState':
        """Before the first prompt."""
        return cls(KeyValueMemory(rules))

    def clear(self) -> None:
        """Back to the state before the first prompt."""
        self.memory = KeyValueMemory(self.memory.rules)
        self.object_ids, self.hidden = [], None
        self.time, self.memorised, self.deepened = -1, 0, None

    def state_dict(self) -> dict[str, Any]:
        """Numbers and tensors that :meth:`load_state_dict` takes back."""
        names = ('object_ids', 'time', 'memorised', 'deepened', 'hidden')
        return {'memory': self.memory.state_dict(), **{name: getattr(self, name) for name in names}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`state_dict` gave."""
        self.memory.load_state_dict(state['memory'])
        for name in ('object_ids', 'time', 'memorised', 'deepened', 'hidden'):
            setattr(self, name, state[name])

    def grow_hidden(self, count: int, shape: tuple[int, int, int], like: Tensor) -> None:
        """Give every object a sensory memory; new ones start with zeros."""
        known = 0 if self.hidden is None else self.hidden.shape[1]
        if count > known:
            new = like.new_zeros((1, count - known, *shape))
            self.hidden = new if self.hidden is None else torch.cat([self.hidden, new], 1)
