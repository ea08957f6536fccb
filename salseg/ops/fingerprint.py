"""Which weights a model has, in a few digits."""

import hashlib

import torch
from torch import Tensor, nn


def weights_fingerprint(*models: nn.Module) -> str:
    """16 hexadecimal digits of all weights of models: the only fingerprint of weights in salseg.

    Hashed (BLAKE2b of 8 bytes) is, per model and in the order of the names in its state dict: the name, type and shape of
    each parameter and persistent buffer, and its bytes as the model holds them now. So it does not matter on which device
    the model is, from which file the weights came or how that file was packed; half precision is another fingerprint.
    Hyperparameters that are no tensors are not part of it.

    Args:
        models: Any modules; their order counts.

    Examples:
        >>> layer = nn.Linear(1, 1)
        >>> copy = nn.Linear(1, 1)
        >>> weights_fingerprint(layer) == weights_fingerprint(copy)
        False
        >>> _ = copy.load_state_dict(layer.state_dict())
        >>> weights_fingerprint(layer) == weights_fingerprint(copy)
        True
    """
    state = hashlib.blake2b(digest_size=8)
    for model in models:
        for name, value in sorted(model.state_dict().items()):
            state.update(f'{name} {value.dtype} {tuple(value.shape)}\n'.encode())
            state.update(_bytes(value))
    return state.hexdigest()


def _bytes(value: Tensor) -> memoryview:
    return value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data
