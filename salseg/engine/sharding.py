"""Work dealt out to the processes of a distributed run, each item to exactly one of them."""

from collections.abc import Iterable, Mapping
from typing import TypeVar

from mmengine.dist import all_gather_object, get_dist_info

Item = TypeVar('Item')
Value = TypeVar('Value')


def own_shard(items: Iterable[Item]) -> list[Item]:
    """Every so-manieth item, from the rank of this process on; all of them where there is one process."""
    rank, count = get_dist_info()
    return list(items)[rank::count]


def united(own: Mapping[str, Value]) -> dict[str, Value]:
    """The entries of all processes; every process waits for the others here."""
    merged: dict[str, Value] = {}
    for part in all_gather_object(dict(own)):
        merged |= part
    return merged
