import pytest

from salseg.models.key_map import KeyMap

KEYS = KeyMap('Net', {'a': 'first', 'a.b': 'second.inner', 'c': 'third'})


@pytest.mark.parametrize(
    ('theirs', 'ours'), [('a.weight', 'first.weight'), ('a.b.0.bias', 'second.inner.0.bias'), ('a.bb.x', 'first.bb.x')]
)
def test_the_longest_beginning_decides_in_both_directions(theirs, ours):
    assert KEYS.to_ours(theirs) == ours
    assert KEYS.to_official(ours) == theirs


def test_a_foreign_entry_is_refused_and_says_whose_it_is_not():
    with pytest.raises(KeyError, match="'d.weight' is no entry of the published Net checkpoint"):
        KEYS.to_ours('d.weight')
    with pytest.raises(KeyError, match='Net network of salseg'):
        KEYS.to_official('second.weight')


def test_two_names_for_one_are_refused():
    with pytest.raises(ValueError, match='2 published names have 1'):
        KeyMap('Net', {'a': 'x', 'b': 'x'})
