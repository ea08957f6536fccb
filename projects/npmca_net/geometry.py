"""Sizes at which a frame is looked at."""

from salseg.errors import ConfigError
from salseg.ops.geometry import Pad, even_padding

PAD_MODES = ('needed', 'rgmp')


def frame_padding(size: tuple[int, int], mode: str) -> Pad:
    """Pixels to add around a frame: to a multiple of 16 where needed (STM), or always to the next one of 32 (RGMP).

    Raises:
        ConfigError: Another mode.
    """
    if mode not in PAD_MODES:
        raise ConfigError(
            f"pad_mode={mode!r}; expected 'needed' (multiples of 16) or 'rgmp' (the next multiple of 32)."
        )
    return even_padding(size, 32, always=True) if mode == 'rgmp' else even_padding(size, 16)


def padded_size(size: tuple[int, int], mode: str) -> tuple[int, int]:
    """(H, W) of a frame after padding."""
    left, right, top, bottom = frame_padding(size, mode)
    return size[0] + top + bottom, size[1] + left + right


def scaled_size(size: tuple[int, int], scale: float, mode: str) -> tuple[int, int]:
    """(H, W) to which a padded frame is resized for one scale: rounded down, then up to the next multiple."""
    if scale == 1:
        return size
    return padded_size((int(size[0] * scale), int(size[1] * scale)), mode)
