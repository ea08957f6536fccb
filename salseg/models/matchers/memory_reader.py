"""Read a memory of keys and values, as XMem does."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from salseg.errors import ConfigError
from salseg.ops.matching import anisotropic_similarity, augment_queries, read_rows, row_usage, top_k_weights
from salseg.ops.precision import full_precision
from salseg.registry import MATCHERS

# Rows of the memory that hold values of a group of objects (None: all), and these values.
Group = tuple[Tensor | None, Tensor]


@MATCHERS.register_module()
class MemoryReader(nn.Module):
    """Anisotropic similarity, softmax over the memory, weighted sum of the values (XMem, section 3.3). No parameters.

    Args:
        top_k: Most similar rows that a query reads in `read`; all of them where the memory has fewer.
        max_elements: Similarities computed at once; queries are taken in chunks, which stay in the processor's cache.

    Raises:
        ConfigError: ``top_k`` or ``max_elements`` is not positive.
    """

    def __init__(self, top_k: int = 30, max_elements: int = 2**20) -> None:
        super().__init__()
        if top_k < 1 or max_elements < 1:
            raise ConfigError(f'MemoryReader(top_k={top_k}, max_elements={max_elements}): both must be at least 1.')
        self.top_k = top_k
        self.max_elements = max_elements

    def forward(
        self, keys: Tensor, shrinkage: Tensor | None, queries: Tensor, selection: Tensor | None, values: Tensor
    ) -> Tensor:
        """Read with the full softmax, as in training.

        Args:
            keys: (B, M, C).
            shrinkage: (B, M) or None.
            queries: (B, Q, C).
            selection: (B, Q, C) or None.
            values: (B, M, D).

        Returns:
            (B, Q, D).
        """
        # Not cut to the top k: gradient has to reach rows that are not chosen yet.
        similarity = anisotropic_similarity(keys, queries, shrinkage, selection)
        # Back to the values' type only here: the softmax of a half-precision similarity would be that of its rounding.
        return torch.softmax(similarity, -1).to(values) @ values

    def read(
        self,
        augmented: Tensor,
        queries: Tensor,
        selection: Tensor | None,
        groups: Sequence[Group],
        usage: Sequence[bool] = (),
    ) -> tuple[list[Tensor], Tensor]:
        """Read the most similar rows, each group of objects its own.

        Args:
            augmented: (M, 2C + 1), the memory's keys, see `salseg.ops.augment_keys`.
            queries: (Q, C).
            selection: (Q, C) or None.
            groups: Rows (M_g,) int64 and values (M_g, D_g) of each group.
            usage: Which groups count in the usage; none by default.

        Returns:
            Read-outs (Q, D_g) of all groups, and the usage (M,): the weight that each row got, summed over the queries
            and the counting groups.
        """
        rows = len(augmented)
        # Groups that hold values of all rows read the same ones.
        kinds = {None if own is None else number: own for number, (own, _) in enumerate(groups)}
        # All groups from one pass over the similarities, which are the costly part; only ranking differs between
        # groups.
        found = self.chosen_rows(augmented, augment_queries(queries, selection), kinds)
        total = augmented.new_zeros(rows)
        readouts = []
        for number, (own, values) in enumerate(groups):
            weights, index = found[None if own is None else number]
            # The k chosen rows are gathered and summed; a product with a mostly empty (Q, M) matrix would cost M / k
            # times as much.
            readouts.append(read_rows(values, weights.to(values), index))
            if usage and usage[number]:
                # A group's index counts among its own rows; use is kept by row of the whole memory.
                total += row_usage(weights, index if own is None else own[index], rows)
        return readouts, total

    def chosen_rows(
        self, augmented: Tensor, query: Tensor, kinds: dict[int | None, Tensor | None]
    ) -> dict[int | None, tuple[Tensor, Tensor]]:
        """Weights and places of the rows that each query reads, for every kind of group.

        Args:
            augmented: (M, 2C + 1).
            query: (Q, 2C + 1), see `salseg.ops.augment_queries`.
            kinds: By any key, the rows (M_g,) that such a group has; None for all.

        Returns:
            By the same keys, weights (Q, k), which sum to 1, and places (Q, k) among the group's own rows.
        """
        # Fewer queries at a time the larger the memory is: (Q, M) as a whole outgrows cache and memory on long videos.
        step = max(1, self.max_elements // max(1, len(augmented)))
        parts: dict[int | None, list[tuple[Tensor, Tensor]]] = {kind: [] for kind in kinds}
        for start in range(0, len(query), step):
            # The three parts of the expanded square cancel to a small difference; half precision would return noise.
            with full_precision(augmented):
                similarity = query[start : start + step] @ augmented.T
            for kind, own in kinds.items():
                parts[kind].append(top_k_weights(similarity if own is None else similarity[:, own], self.top_k))
        return {
            kind: (torch.cat([weights for weights, _ in part]), torch.cat([places for _, places in part]))
            for kind, part in parts.items()
        }
