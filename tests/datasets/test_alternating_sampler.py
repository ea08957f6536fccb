import pytest

from salseg.datasets import ConcatDataset, SetDataset
from salseg.datasets.sampling import AlternatingBatchSampler, PartsSampler, ResumableSampler
from salseg.errors import ConfigError


class Numbered(SetDataset):
    def __init__(self, length):
        super().__init__()
        self.length = length

    def __len__(self):
        return self.length


def sampler(sizes=(1, 4), lengths=(3, 10), rank=0, world_size=1, shuffle=True):
    dataset = ConcatDataset([Numbered(length) for length in lengths])
    return AlternatingBatchSampler(PartsSampler(dataset, shuffle, seed=1), max(sizes), sizes, rank, world_size)


def test_parts_take_turns_with_their_own_sizes():
    batches = sampler()
    for number in range(8):
        indices = [draw % 13 for draw in batches.batch(number)]
        assert len(indices) == (1, 4)[number % 2]
        assert all((index >= 3) == bool(number % 2) for index in indices)


def test_every_epoch_of_a_part_holds_each_item_once_in_an_order_of_its_own():
    batches = sampler(lengths=(5, 10))
    draws = [draw for number in range(0, 20, 2) for draw in batches.batch(number)]
    first, second = ([draw % 15 for draw in part] for part in (draws[:5], draws[5:]))
    assert sorted(first) == sorted(second) == list(range(5))
    assert first != second
    assert [draw // 15 for draw in draws] == [0] * 5 + [1] * 5


def test_a_batch_depends_on_its_number_alone():
    wanted = [sampler().batch(number) for number in range(10)]
    resumed = sampler()
    resumed.start = 4
    iterator = iter(resumed)
    assert [next(iterator) for _ in range(6)] == wanted[4:]


def test_processes_share_a_step_without_overlap():
    whole = [sampler(sizes=(2, 8)).batch(number) for number in range(4)]
    parts = [[sampler(sizes=(2, 8), rank=rank, world_size=2).batch(number) for rank in (0, 1)] for number in range(4)]
    assert [first + second for first, second in parts] == whole


def test_a_part_that_does_not_divide_over_the_processes_is_refused():
    with pytest.raises(ConfigError, match='1 sets per step do not divide over 2 processes; see scale_batch'):
        sampler(sizes=(1, 4), world_size=2)


@pytest.mark.parametrize('sizes', [(1,), (1, 0), (1, 4, 4)])
def test_sizes_must_fit_the_parts(sizes):
    with pytest.raises(ConfigError, match='sizes'):
        sampler(sizes=sizes)


def test_a_data_set_without_parts_is_refused():
    with pytest.raises(ConfigError, match='ConcatDataset'):
        PartsSampler(Numbered(3))
    with pytest.raises(ConfigError, match='PartsSampler'):
        AlternatingBatchSampler(ResumableSampler(Numbered(3)), 4, (1, 4))
