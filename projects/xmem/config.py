"""How much XMem remembers, and how often: what a config says under ``memory``."""

from dataclasses import dataclass, fields
from typing import Any

from salseg.errors import ConfigError


@dataclass(frozen=True)
class MemoryRules:
    """Intervals and bounds of the memories (XMem, sections 3.4 to 3.6).

    With P permanent frames (the first one of every group of objects that were given together, corrected ones, and those
    that a user chose) and h x w positions at stride 16, working memory holds at most ``(max_frames - 1 + P) * h * w``
    positions between frames, long-term memory at most ``max_long_term``.

    In brackets the flag of the released evaluation script, where it has another name.

    Attributes:
        mem_every: A frame in so many is memorised, besides those with a prompt.
        deep_every: Likewise for the deep update of the sensory memory; -1 does it with every memorised frame
            (``deep_update_every``).
        long_term: Whether old frames are consolidated into long-term memory (``enable_long_term``). Without it they are
            forgotten (all are kept if ``released``).
        count_long_term: Whether the use of long-term memory is counted, so that the least used is evicted; else the
            oldest (``enable_long_term_count_usage``).
        max_frames: Frames in working memory at which the older ones are consolidated (``max_mid_term_frames``).
        min_frames: Frames that then stay, the first one included; at least 2 (``min_mid_term_frames``).
        prototypes: Positions that a consolidation keeps (``num_prototypes``).
        max_long_term: Positions in long-term memory (``max_long_term_elements``).
        released: Bookkeeping of the released code. It keeps one frame, the video's first, for all objects, whose row
            then holds a later group's values of another frame; takes a later group's prototypes for the newest ones;
            and counts the use by the first group only. Otherwise every value stays with its key, each group's first
            frame stays in working memory while the group is tracked, permanent frames stay, and a key's use is the sum
            over all groups.

    Raises:
        ConfigError: The numbers contradict each other.
    """

    mem_every: int = 5
    deep_every: int = -1
    long_term: bool = True
    count_long_term: bool = True
    max_frames: int = 10
    min_frames: int = 5
    prototypes: int = 128
    max_long_term: int = 10000
    released: bool = False

    def __post_init__(self) -> None:
        if self.mem_every < 1 or (self.deep_every < 1 and self.deep_every != -1):
            raise ConfigError(
                f'memory: mem_every={self.mem_every}, deep_every={self.deep_every}; expected >= 1 (deep_every -1: with '
                'every).'
            )
        # The first frame is one of them, so 1 would leave no recent frame: the one just memorised would go too.
        if not 2 <= self.min_frames < self.max_frames:
            raise ConfigError(
                f'memory: min_frames={self.min_frames}, max_frames={self.max_frames}; expected 2 <= min < max.'
            )
        if not 1 <= self.prototypes <= self.max_long_term:
            raise ConfigError(
                f'memory: prototypes={self.prototypes}, max_long_term={self.max_long_term}; expected 1 <= prototypes '
                '<= max_long_term.'
            )

    @classmethod
    def build(cls, given: Any) -> 'MemoryRules':
        """Rules from a config's dict; rules pass through.

        Raises:
            ConfigError: A key is no rule.
        """
        if isinstance(given, cls):
            return given
        known = [field.name for field in fields(cls)]
        wrong = [key for key in given or {} if key not in known]
        if wrong:
            raise ConfigError(f'memory has no rule {wrong[0]!r}; it takes {", ".join(known)}.')
        return cls(**(given or {}))
