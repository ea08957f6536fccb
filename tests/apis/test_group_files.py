"""Groups on disk: kept, made anew when an image was added, shared."""

import pytest

from salseg.apis import GroupPredictor, predict_groups
from salseg.errors import DataError
from tests.apis.brightness import brightness_model, contents, photo, photos, save


def predictor(gain=1.0):
    return GroupPredictor(brightness_model('group', gain))


@pytest.fixture()
def groups(tmp_path):
    for name, count in (('cats', 2), ('dogs', 3), ('owls', 1)):
        photos(tmp_path / 'in' / name, count)
    return tmp_path / 'in'


def kept(results):
    return {result.name: result.kept for result in results}


def test_groups_that_are_there_are_kept_with_what_was_said_of_them(groups, tmp_path):
    (groups / 'dogs/x.jpg').write_bytes(b'broken')
    first = predict_groups(predictor(), [groups], tmp_path / 'out')
    again = predictor()
    second = predict_groups(again, [groups], tmp_path / 'out')
    assert again.model.backbone.seen == 0
    assert all(result.kept for result in second)
    assert [r.notes for r in second] == [r.notes for r in first]
    assert [list(r.failed) for r in second] == [list(r.failed) for r in first] == [[], [groups / 'dogs/x.jpg'], []]
    assert 'nothing can be shared' in second[2].notes[0]


def test_an_image_more_makes_its_group_anew_and_no_other(groups, tmp_path):
    predict_groups(predictor(), [groups], tmp_path / 'out')
    before = contents(tmp_path / 'out')
    save(groups / 'cats/new.png', photo(9))
    results = predict_groups(predictor(), [groups], tmp_path / 'out')
    assert kept(results) == {'cats': False, 'dogs': True, 'owls': True}
    changed = {name for name, data in contents(tmp_path / 'out').items() if before.get(name) != data}
    assert changed == {'cats/000.png', 'cats/001.png', 'cats/new.png', 'sheets/cats.png'}


def test_a_killed_run_goes_on_at_the_group_where_it_was(groups, tmp_path):
    class Killed(BaseException):
        pass

    def kill(done, total):
        if done == 1:
            raise Killed

    with pytest.raises(Killed):
        predict_groups(predictor(), [groups], tmp_path / 'cut', progress=kill)
    results = predict_groups(predictor(), [groups], tmp_path / 'cut')
    assert kept(results)['cats']
    predict_groups(predictor(), [groups], tmp_path / 'whole')
    assert contents(tmp_path / 'cut') == contents(tmp_path / 'whole')


def test_a_note_that_was_changed_is_not_believed_but_can_be_replaced(groups, tmp_path):
    predict_groups(predictor(), [groups], tmp_path / 'out')
    note = tmp_path / 'out/.salseg/cats.json'
    note.write_text(note.read_text().replace('"failed": {}', '"failed": {"000.png": 3}'))
    with pytest.raises(DataError, match=r'cats\.json is no record of salseg: failed: 000.png is 3; expected a string'):
        predict_groups(predictor(), [groups], tmp_path / 'out')
    assert not any(kept(predict_groups(predictor(), [groups], tmp_path / 'out', overwrite=True)).values())
    assert all(kept(predict_groups(predictor(), [groups], tmp_path / 'out')).values())


def test_shards_are_disjoint_and_another_model_is_refused(groups, tmp_path):
    names = [[r.name for r in predict_groups(predictor(), [groups], tmp_path / 'out', shard=(k, 2))] for k in (0, 1)]
    assert names == [['cats', 'owls'], ['dogs']]
    predict_groups(predictor(), [groups], tmp_path / 'whole', ('mask', 'report'))
    alone = {name: data for name, data in contents(tmp_path / 'whole').items()}
    assert contents(tmp_path / 'out') == alone
    assert (tmp_path / 'whole/report.html').read_text().count('<figure>') == 6
    with pytest.raises(DataError, match='with other weights'):
        predict_groups(predictor(2.0), [groups], tmp_path / 'out')
