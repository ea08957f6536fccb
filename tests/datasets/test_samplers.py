import numpy as np
import pytest

from salseg.datasets import ConcatDataset, SetDataset, SyntheticImages
from salseg.datasets.sampling import ResumableBatchSampler, ResumableSampler
from salseg.errors import DataError


def take(batches, count):
    iterator = iter(batches)
    return [next(iterator) for _ in range(count)]


def batches(size=10, batch_size=4, **options):
    return ResumableBatchSampler(ResumableSampler(range(size), seed=3), batch_size, **options)


def test_every_epoch_holds_every_index_once_in_another_order():
    sampler = ResumableSampler(range(20), seed=1)
    first, second = sampler.epoch(0), sampler.epoch(1)
    assert sorted(first) == list(range(20))
    assert sorted(second) == list(range(20, 40))
    assert list(first) != list(second - 20)


def test_starting_at_a_position_gives_the_batches_that_would_have_followed():
    for last in ('fill', 'keep', 'drop'):
        whole = take(batches(last=last), 9)
        later = batches(last=last)
        later.start = 5
        assert take(later, 4) == whole[5:]


def test_keep_leaves_the_last_batch_of_an_epoch_small_and_fill_does_not():
    assert [len(b) for b in take(batches(last='keep'), 4)] == [4, 4, 2, 4]
    filled = take(batches(last='fill'), 5)
    assert [len(b) for b in filled] == [4] * 5
    assert sorted(i for b in filled for i in b) == list(range(20))
    assert [len(b) for b in take(batches(last='drop'), 3)] == [4, 4, 4]


def test_processes_share_a_step_without_overlap():
    one = take(batches(batch_size=4), 5)
    two = [take(batches(batch_size=4, rank=rank, world_size=2), 5) for rank in (0, 1)]
    assert [a + b for a, b in zip(*two)] == one


def test_kept_last_batches_have_one_size_on_all_processes():
    two = [take(batches(size=7, batch_size=4, last='keep', rank=r, world_size=2), 4) for r in (0, 1)]
    assert [len(b) for b in two[0]] == [len(b) for b in two[1]] == [2, 2, 2, 2]


def test_an_epoch_smaller_than_a_step_that_may_not_be_filled_is_refused():
    with pytest.raises(ValueError, match='leaves none'):
        batches(size=3, last='drop')


class Draws(SetDataset):
    def __len__(self):
        return 5

    def describe(self, index):
        return dict(index=index)


def test_a_draw_depends_on_seed_epoch_and_index_only():
    first, again, other = Draws(seed=1), Draws(seed=1), Draws(seed=2)
    again[3]
    value = first[7]['rng'].random()
    assert again[7]['rng'].random() == value
    assert first[7]['index'] == 2
    assert first[2]['rng'].random() != value
    assert other[7]['rng'].random() != value


def test_two_epochs_draw_different_augmentations_and_workers_do_not_matter(tiny_config):
    from torch.utils.data import DataLoader

    from salseg.engine.config import load_config

    pipeline = load_config(str(tiny_config)).train_dataloader.dataset.pipeline

    def frames(workers):
        dataset = SyntheticImages(4, size=48, pipeline=pipeline)
        sampler = ResumableBatchSampler(ResumableSampler(dataset, shuffle=False), 2)
        loader = DataLoader(dataset, batch_sampler=sampler, num_workers=workers, collate_fn=lambda items: items)
        return np.stack([item['inputs'].numpy() for batch in take(loader, 4) for item in batch])

    alone = frames(0)
    assert not np.array_equal(alone[:4], alone[4:])
    assert np.array_equal(alone, frames(1))
    assert np.array_equal(alone, frames(2))


def test_concatenated_sets_keep_their_own_items():
    both = ConcatDataset([SyntheticImages(2, name='a'), SyntheticImages(3, split='val', name='b')])
    assert len(both) == 5
    assert [both.get(0, i)['dataset'] for i in range(5)] == ['a', 'a', 'b', 'b', 'b']
    assert both[6]['set_id'] == 'train_00001'
    with pytest.raises(DataError, match='empty'):
        ConcatDataset([])


def test_epochs_are_counted_in_items_and_rounded_up_to_a_step():
    assert [batches(size=10, batch_size=4, last=last).steps(3) for last in ('fill', 'keep', 'drop')] == [8, 9, 6]
    assert batches(size=10, batch_size=4).steps(0.5) == 2
    two = batches(size=10, batch_size=4, rank=1, world_size=2)
    assert two.steps(3) == 8, 'any number of processes'
