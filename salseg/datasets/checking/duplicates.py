"""The same image twice, byte for byte of its pixels or nearly."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from salseg.datasets.checking.findings import Findings

_ROWS = 512


@dataclass
class ImageIndex:
    """Images that were looked at.

    Attributes:
        names: As they are shown.
        groups: Group or video of each.
        parts: 'train', 'test', ... of each, '' where no list says.
        digests: Of their pixels.
        hashes: 32 bytes each; None for flat images.
    """

    names: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    digests: list[bytes] = field(default_factory=list)
    hashes: list[bytes | None] = field(default_factory=list)

    def add(self, name: str, group: str, part: str, digest: bytes, perceptual_hash: bytes | None) -> None:
        """Take an image."""
        self.names.append(name)
        self.groups.append(group)
        self.parts.append(part)
        self.digests.append(digest)
        self.hashes.append(perceptual_hash)


def note_duplicates(
    seen: ImageIndex, other: ImageIndex | None, near: int | None, video: bool, findings: Findings
) -> None:
    """Add what occurs twice.

    Args:
        seen: The set that is checked.
        other: Another set that must have nothing in common with it.
        near: Bits of a perceptual_hash that may differ; None looks for equal pixels only.
        video: Frames of one video may be equal.
        findings: Receives them.
    """
    exact = list(_equal(seen, seen)) + ([] if other is None else [(a, ~b) for a, b in _equal(seen, other)])
    _note(exact, seen, other, video, ('same-image', 'train-and-test'), findings)
    if near is None:
        return
    known = set(exact)
    pairs = list(_alike(seen, seen, near)) + ([] if other is None else [(a, ~b) for a, b in _alike(seen, other, near)])
    _note([p for p in pairs if p not in known], seen, other, video, ('near-image', 'near-train-and-test'), findings)


def _note(
    pairs: list[tuple[int, int]],
    seen: ImageIndex,
    other: ImageIndex | None,
    video: bool,
    kinds: tuple[str, str],
    findings: Findings,
) -> None:
    """Pairs hold two numbers of ``seen``, or the complement of a number of ``other`` as the second."""
    for first, second in pairs:
        if other is not None and second < 0:
            findings.add(kinds[1], seen.names[first], f'is {other.names[~second]}', _droppable(seen, first, video))
        elif {seen.parts[first], seen.parts[second]} > {'train'} and '' not in (seen.parts[first], seen.parts[second]):
            first, second = sorted((first, second), key=lambda number: seen.parts[number] != 'train')
            findings.add(
                kinds[1],
                seen.names[first],
                f'(train) is {seen.names[second]} ({seen.parts[second]})',
                _droppable(seen, first, video),
            )
        elif not video or seen.groups[first] != seen.groups[second]:
            findings.add(kinds[0], seen.names[second], f'is {seen.names[first]}', None)


def _droppable(seen: ImageIndex, number: int, video: bool) -> str:
    return seen.groups[number] if video or seen.groups[number] else seen.names[number]


def _equal(seen: ImageIndex, other: ImageIndex) -> Iterator[tuple[int, int]]:
    """Pairs of equal pixels; within one set each image is paired with the first of its kind."""
    first: dict[bytes, int] = {}
    for number, digest in enumerate(other.digests):
        first.setdefault(digest, number)
    for number, digest in enumerate(seen.digests):
        match = first.get(digest)
        if match is not None and not (seen is other and match == number):
            yield (match, number) if seen is other else (number, match)


def _alike(seen: ImageIndex, other: ImageIndex, near: int) -> Iterator[tuple[int, int]]:
    mine, theirs = _signs(seen), _signs(other)
    for start in range(0, len(mine[0]), _ROWS):
        # Of two vectors of signs, the product counts agreements less differences.
        products = mine[1][start : start + _ROWS] @ theirs[1].T
        for row, column in zip(*np.nonzero(products >= mine[1].shape[1] - 2 * near)):
            first, second = int(mine[0][start + row]), int(theirs[0][column])
            if seen is not other or first < second:
                yield first, second


def _signs(seen: ImageIndex) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the images that have a perceptual_hash, and its bits as -1 and 1, (n, 256) float32."""
    hashed = [(number, bits) for number, bits in enumerate(seen.hashes) if bits is not None]
    bits = np.frombuffer(b''.join(bits for _, bits in hashed), np.uint8).reshape(-1, 32)
    return np.array([number for number, _ in hashed], np.int64), np.unpackbits(bits, axis=1).astype(np.float32) * 2 - 1
