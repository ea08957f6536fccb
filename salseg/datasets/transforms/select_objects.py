"""Which objects of a clip are tracked."""

from collections.abc import Sequence

import numpy as np

from salseg.datasets.reading import UNKNOWN
from salseg.datasets.transforms.base import FrameTransform, Results
from salseg.errors import ConfigError, DataError
from salseg.registry import TRANSFORMS


@TRANSFORMS.register_module()
class SelectObjects(FrameTransform):
    """Draw objects of the first frame; they become 1, 2, ..., everything else background; comes after :class:`LoadLabels`.

    Adds ``object_ids``, the ids that the objects had, and ``object_valid`` (max_objects,), which slots are used. A clip
    whose first frame shows no object has none.

    Args:
        max_objects: Slots (K); where the first frame shows more objects, that many are drawn.

    Raises:
        ConfigError: It is not positive.
    """

    def __init__(self, max_objects: int = 3) -> None:
        if not 1 <= max_objects < UNKNOWN:
            raise ConfigError(f'SelectObjects: max_objects={max_objects}; expected 1 to {UNKNOWN - 1}.')
        self.max_objects = max_objects

    def transform(self, results: Results) -> Results:
        """The same clip with its objects renumbered.

        Raises:
            DataError: The clip has no labels.
        """
        if 'labels' not in results:
            raise DataError(
                f'{results["dataset"]} / {results["set_id"]}: SelectObjects found no labels; put LoadLabels before it.'
            )
        present = [int(i) for i in np.unique(results['labels'][0]) if 0 < i < UNKNOWN]
        chosen = draw_objects(present, self.max_objects, self.rng(results))
        table = np.zeros(256, np.uint8)
        table[UNKNOWN] = UNKNOWN
        table[chosen] = np.arange(1, len(chosen) + 1)
        results['labels'] = [table[labels] for labels in results['labels']]
        results['object_ids'] = tuple(chosen)
        results['object_valid'] = np.arange(self.max_objects) < len(chosen)
        return results


def draw_objects(present: Sequence[int], most: int, rng: np.random.Generator) -> list[int]:
    """Up to ``most`` ids, ascending; draws only where there are more."""
    if len(present) <= most:
        return sorted(present)
    return sorted(rng.permutation(sorted(present))[:most].tolist())
