"""What all backbones have in common."""

from collections.abc import Sequence

from torch import nn

from salseg.errors import ConfigError


class Backbone(nn.Module):
    """Features of single images at several levels.

    `forward` takes (N, 3, H, W), normalised, and returns a list with one map (N, channels[i], h, w) for each entry of
    `out_indices`, about `strides[i]` times smaller than the image.

    Attributes:
        out_indices: Levels that are returned.
        channels: Their channels.
        strides: Pixels of the image for one step in them.
        weights_loaded: False after a random start; a model that was never given weights refuses to predict.
    """

    out_indices: tuple[int, ...]
    channels: tuple[int, ...]
    strides: tuple[int, ...]
    weights_loaded: bool = False
    _frozen: tuple[str, ...] = ()

    def choose(self, out_indices: Sequence[int], channels: Sequence[int], strides: Sequence[int]) -> None:
        """Set what is returned, out of the channels and strides of all levels.

        Raises:
            ConfigError: An index is no level of the network, or they do not ascend.
        """
        wanted = tuple(out_indices)
        if not wanted or list(wanted) != sorted(set(wanted)) or not 0 <= wanted[0] <= wanted[-1] < len(channels):
            raise ConfigError(
                f'out_indices is {wanted}; {type(self).__name__} has the levels 0 to {len(channels) - 1} with strides '
                f'{tuple(strides)}: name some of them, ascending.'
            )
        self.out_indices = wanted
        self.channels, self.strides = tuple(channels[i] for i in wanted), tuple(strides[i] for i in wanted)

    def freeze(self, names: Sequence[str]) -> None:
        """Stop some submodules from learning: no gradients, and batch norm keeps its statistics while training."""
        self._frozen = tuple(names)
        for name in self._frozen:
            self.get_submodule(name).requires_grad_(False).eval()

    def train(self, mode: bool = True) -> 'Backbone':
        """Training mode for everything but what is frozen."""
        super().train(mode)
        for name in self._frozen:
            self.get_submodule(name).eval()
        return self
