from tests.needs import needs_project

needs_project('xmem')


import pytest
import torch

from projects.xmem.memory import KeyValueMemory
from projects.xmem.config import MemoryRules
from salseg.errors import ConfigError
from salseg.models.matchers import MemoryReader
from salseg.propagation import Prompt
from tests.propagation.small import square, stream, video, xmem

ROWS, CHANNELS = 6, 4


def append(memory, frame, ids, seed=None):
    """A frame whose values are a function of its keys and of the object's id."""
    generator = torch.Generator().manual_seed(frame if seed is None else seed)
    keys = torch.randn(ROWS, CHANNELS, generator=generator)
    values = torch.stack([value_of(keys, index) for index in ids], 1)
    shrinkage = 1 + torch.rand(ROWS, generator=generator)
    memory.append(frame, keys, shrinkage, torch.rand(ROWS, CHANNELS, generator=generator), values, ids)


def value_of(keys, index):
    return torch.cat([keys, keys.new_full((len(keys), 1), index)], 1)


def ask(memory, seed, top_k=3):
    generator = torch.Generator().manual_seed(1000 + seed)
    queries = torch.randn(ROWS, CHANNELS, generator=generator)
    return memory.read(MemoryReader(top_k), queries, torch.rand(ROWS, CHANNELS, generator=generator))


def grown(frames, rules, arrivals):
    """A memory after some frames; `arrivals` gives the objects that come with a frame."""
    memory, ids = KeyValueMemory(rules), []
    for frame in range(frames):
        ids = ids + arrivals.get(frame, [])
        append(memory, frame, ids)
        ask(memory, frame)
    return memory


def rules(**changes):
    return MemoryRules(**{**dict(max_frames=4, min_frames=2, prototypes=3, max_long_term=8), **changes})


def mismatched(memory):
    """Working rows whose value belongs to another key."""
    wrong = 0
    for group in memory.groups:
        rows, values = group.rows[group.long :], group.values[group.long :]
        for place, index in enumerate(group.ids):
            wrong += int((values[:, place] != value_of(memory.columns.keys[rows], index)).any(1).sum())
    return wrong


ARRIVALS = {0: [1, 2], 2: [5], 7: [3, 9]}


def test_every_value_stays_with_its_key_unless_the_released_bookkeeping_is_requested():
    assert mismatched(grown(12, rules(), ARRIVALS)) == 0
    assert mismatched(grown(12, rules(released=True, max_long_term=99), ARRIVALS)) > 0


def test_prototypes_carry_the_ids_of_their_objects_and_are_means_of_old_keys():
    memory = grown(12, rules(), ARRIVALS)
    assert memory.long > 0
    for group in memory.groups:
        for place, index in enumerate(group.ids):
            torch.testing.assert_close(group.values[: group.long, place, -1], torch.full((group.long,), float(index)))
        assert (group.rows.diff() > 0).all()


def test_the_frame_that_brought_a_group_stays_while_the_group_is_tracked():
    memory = grown(12, rules(), ARRIVALS)
    assert {0, 2, 7} <= set(memory.frames)
    memory.remove([5])
    for frame in range(12, 16):
        append(memory, frame, [1, 2, 3, 9])
    assert 2 not in memory.frames
    assert {0, 7} <= set(memory.frames)


def test_with_one_group_both_bookkeepings_agree():
    ours, released = (grown(15, rules(released=flag), {0: [1, 2]}) for flag in (False, True))
    assert len(ours) == len(released)
    torch.testing.assert_close(ours.columns.keys, released.columns.keys)
    torch.testing.assert_close(ours.groups[0].values, released.groups[0].values)
    torch.testing.assert_close(ours.columns.use, released.columns.use)


@pytest.mark.parametrize('released', [False, True])
def test_sizes_never_pass_their_bounds_whatever_comes_and_goes(released):
    limits = rules(released=released)
    memory, ids = KeyValueMemory(limits), [1]
    full = []
    for frame in range(80):
        if frame % 7 == 3:
            ids = [*ids, 10 + frame]
        if frame % 14 == 10:
            memory.remove([ids[1]])
            ids = [ids[0], *ids[2:]]
        append(memory, frame, ids)
        ask(memory, frame)
        working = (limits.max_frames - 1 + len(memory.groups)) * ROWS
        assert memory.working <= working
        assert memory.long <= limits.max_long_term
        assert all(len(group.rows) == len(group.values) <= len(memory) for group in memory.groups)
        assert all(int(group.rows.max()) < len(memory) for group in memory.groups)
        full.append(memory.long == limits.max_long_term)
    assert any(full)


def test_eviction_drops_the_rows_of_least_summed_use_with_the_values_of_all_groups():
    memory = grown(9, rules(max_long_term=99), {0: [1], 1: [2]})
    assert memory.long >= 6
    use = (memory.columns.use / memory.columns.life)[: memory.long]
    memory.rules = rules(max_long_term=memory.long, prototypes=3)
    kept = memory.columns.keys[: memory.long][use >= use.sort().values[3]]
    memory._evict()
    assert memory.long == len(kept)
    torch.testing.assert_close(memory.columns.keys[: memory.long], kept)
    assert mismatched(memory) == 0
    for group in memory.groups:
        assert group.long <= memory.long
        assert (group.values[: group.long, 0, -1] - group.ids[0]).abs().max() < 1e-5


def test_without_counting_the_oldest_long_term_rows_are_evicted():
    memory = grown(9, rules(max_long_term=99, count_long_term=False), {0: [1]})
    newest = memory.columns.keys[3 : memory.long].clone()
    memory.rules = rules(max_long_term=memory.long, prototypes=3)
    memory._evict()
    torch.testing.assert_close(memory.columns.keys[: memory.long], newest)


def test_room_for_exactly_the_next_prototypes_evicts_nothing():
    memory = grown(6, rules(max_long_term=99), {0: [1]})
    before = memory.long
    memory.rules = rules(max_long_term=before + 3, prototypes=3)
    memory._evict()
    assert memory.long == before


def test_removing_the_oldest_group_frees_the_rows_that_only_it_held():
    memory = grown(4, rules(max_frames=9), {0: [1], 2: [2]})
    assert memory.frames == [0, 1, 2, 3]
    memory.remove([1])
    assert memory.frames == [2, 3]
    assert len(memory.columns.keys) == len(memory.columns.augmented) == len(memory.columns.use) == 2 * ROWS
    assert mismatched(memory) == 0
    assert ask(memory, 0).shape == (ROWS, 1, CHANNELS + 1)


def test_without_long_term_memory_the_oldest_frames_are_forgotten_but_not_the_first():
    memory = grown(9, rules(long_term=False), {0: [1]})
    assert memory.frames == [0, 7, 8]
    assert memory.long == 0


def test_a_read_asks_only_the_rows_of_a_group():
    memory = grown(3, rules(max_frames=9), {0: [1], 2: [2]})
    readout = ask(memory, 5, top_k=99)
    torch.testing.assert_close(readout[..., -1], torch.tensor([1.0, 2.0]).expand(ROWS, 2))
    own = memory.groups[1]
    alone = KeyValueMemory(rules(max_frames=9))
    append(alone, 2, [2])
    torch.testing.assert_close(readout[:, 1], ask(alone, 5, top_k=99)[:, 0])
    assert own.rows.tolist() == list(range(2 * ROWS, 3 * ROWS))


def test_following_a_long_video_with_objects_coming_and_going_keeps_within_the_bounds():
    model = xmem(memory=dict(mem_every=1, max_frames=4, min_frames=2, prototypes=8, max_long_term=20))
    runner, sizes = stream(model), []
    frames = video(40)
    runner.step(frames[0], Prompt.from_masks({1: square(0, 0)}))
    for number, frame in enumerate(frames[1:], start=1):
        prompt = None
        if number % 10 == 5:
            prompt = Prompt.from_masks({2: square(24, 24)})
        if number % 10 == 9:
            runner.remove_objects([2])
        runner.step(frame, prompt)
        held = runner.memory.elements
        assert held['working'] <= (4 - 1 + len(runner.state.memory.groups)) * 12
        assert held['long_term'] <= 20
        assert held['sensory'] == 12 * len(runner.object_ids)
        sizes.append(runner.memory.bytes)
    assert max(sizes[20:]) <= max(sizes[:20])


@pytest.mark.parametrize(
    ('given', 'message'),
    [
        (dict(min_frames=1), '2 <= min < max'),
        (dict(min_frames=10), '2 <= min < max'),
        (dict(mem_every=0), 'mem_every=0'),
        (dict(prototypes=11000), 'prototypes <= max_long_term'),
        (dict(max_frame=3), "no rule 'max_frame'"),
    ],
)
def test_rules_that_contradict_each_other_are_refused(given, message):
    with pytest.raises(ConfigError, match=message):
        MemoryRules.build(given)


@pytest.mark.parametrize('long_term', [True, False])
def test_permanent_frames_stay_with_their_keys_and_values(long_term):
    memory, stored = KeyValueMemory(rules(long_term=long_term)), {}
    for frame in range(60):
        generator = torch.Generator().manual_seed(frame)
        keys = torch.randn(ROWS, CHANNELS, generator=generator)
        values = value_of(keys, 1)[:, None]
        memory.append(
            frame, keys, torch.ones(ROWS), torch.ones(ROWS, CHANNELS), values, [1], permanent=frame in (7, 20)
        )
        ask(memory, frame)
        stored[frame] = keys, values
        # Two permanent ones and the first of the group beside the bound of the rules.
        assert memory.working <= (4 - 1 + 3) * ROWS
        assert memory.long <= 8
    assert memory.permanent == [7, 20]
    assert memory.frames[:3] == [0, 7, 20]
    for place, frame in enumerate((0, 7, 20)):
        rows = slice(memory.long + place * ROWS, memory.long + (place + 1) * ROWS)
        torch.testing.assert_close(memory.columns.keys[rows], stored[frame][0], rtol=0, atol=0)
        torch.testing.assert_close(memory.groups[0].values[rows], stored[frame][1], rtol=0, atol=0)
    copy = KeyValueMemory(rules(long_term=long_term))
    copy.load_state_dict(memory.state_dict())
    assert copy.permanent == [7, 20]


def test_a_corrected_frame_is_permanent_and_one_with_new_objects_only_as_long_as_they_are():
    model = xmem(memory=dict(mem_every=1, max_frames=3, min_frames=2))
    runner = stream(model)
    prompts = {0: {7: square(0, 0)}, 2: {3: square(24, 32)}, 4: {7: square(8, 8)}}
    for number, frame in enumerate(video(12)):
        if number == 8:
            runner.remove_objects([3])
        runner.step(frame, Prompt.from_masks(prompts[number]) if number in prompts else None)
    memory = runner.state.memory
    assert memory.permanent == [4]
    assert {0, 4} <= set(memory.frames)
    assert 2 not in memory.frames
