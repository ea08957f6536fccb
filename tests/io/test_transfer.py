"""Files over HTTP, from a server on the loopback that behaves well or badly."""

import pytest

from salseg.io.transfer import TransferError, fetch
from tests.serving import Served, serving

CONTENT = bytes(range(256)) * 1200
LIMIT = 1_000_000


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv('no_proxy', '127.0.0.1')


@pytest.fixture
def part(tmp_path):
    return tmp_path / 'cache' / 'file.part'


def get(served, part, limit=LIMIT, **options):
    with serving(served):
        return fetch(served.address, part, limit, **options)


def left(part):
    return sorted(path.name for path in part.parent.iterdir()) if part.parent.is_dir() else []


def test_a_file_arrives_whole_and_says_how_far_it_is(part):
    seen = []
    assert get(Served(CONTENT), part, progress=lambda done, total: seen.append((done, total))) == len(CONTENT)
    assert part.read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert left(part) == ['file.part']
    assert not list(part.parent.parent.glob('*.pth')), 'the name that the server proposed was written'


def test_a_cut_connection_is_resumed_from_its_byte(part):
    served = Served(CONTENT, cuts=[100_000, 50_000])
    assert get(served, part) == len(CONTENT)
    assert part.read_bytes() == CONTENT
    assert served.requests == [None, 'bytes=100000-', 'bytes=150000-']


def test_a_stopped_transfer_is_resumed_by_the_next_call(part):
    served = Served(CONTENT, cuts=[90_000, 0, 0, 0])
    with serving(served):
        with pytest.raises(TransferError, match='ended at 90000 of 307200 bytes') as error:
            fetch(served.address, part, LIMIT)
        assert error.value.kept == 90_000
        assert fetch(served.address, part, LIMIT) == len(CONTENT)
    assert served.requests[-1] == 'bytes=90000-'
    assert part.read_bytes() == CONTENT
    assert left(part) == ['file.part']


def test_a_part_of_another_address_is_not_continued(part):
    part.parent.mkdir()
    part.write_bytes(b'x' * 1000)
    part.with_name('file.part.json').write_text(
        '{"address": "http://elsewhere/x", "total": 5, "etag": "", "modified": ""}'
    )
    served = Served(CONTENT)
    assert get(served, part) == len(CONTENT)
    assert part.read_bytes() == CONTENT
    assert served.requests == [None]


def test_a_file_that_changed_between_two_attempts_is_fetched_anew(part):
    served = Served(CONTENT, cuts=[90_000, 0, 0, 0])
    with serving(served):
        with pytest.raises(TransferError):
            fetch(served.address, part, LIMIT)
        served.content, served.tag = bytes(len(CONTENT)), '"two"'
        assert fetch(served.address, part, LIMIT) == len(CONTENT)
    assert part.read_bytes() == bytes(len(CONTENT))


def test_a_server_without_ranges_sends_all_again(part):
    served = Served(CONTENT, ranges=False, cuts=[90_000])
    assert get(served, part) == len(CONTENT)
    assert part.read_bytes() == CONTENT
    assert served.requests == [None, 'bytes=90000-']


def test_a_server_without_ranges_that_always_breaks_ends(part):
    served = Served(CONTENT, ranges=False, cuts=[90_000, 80_000, 85_000, 70_000, 10, 10, 10])
    with pytest.raises(TransferError, match='the connection ended'):
        get(served, part)
    assert len(served.requests) == 4


def test_a_complete_part_is_not_fetched_again(part):
    served = Served(CONTENT, cuts=[90_000, 0, 0, 0])
    with serving(served):
        with pytest.raises(TransferError):
            fetch(served.address, part, LIMIT)
        part.write_bytes(CONTENT)
        assert fetch(served.address, part, LIMIT) == len(CONTENT)
    assert part.read_bytes() == CONTENT


def test_a_page_is_recognised_and_a_part_stays(part):
    with pytest.raises(TransferError, match='HTML') as error:
        get(Served(b'<!DOCTYPE html><title>Google Drive</title>', kind='text/html; charset=utf-8'), part)
    assert error.value.page
    assert left(part) == []


@pytest.mark.parametrize(('announce', 'words'), [(True, 'announces 307200 bytes'), (False, 'more than 1000 bytes')])
def test_a_file_larger_than_expected_is_refused_and_not_kept(announce, words, part):
    with pytest.raises(TransferError, match=words):
        get(Served(CONTENT, announce=announce), part, limit=1000)
    assert left(part) == []


def test_a_missing_file_is_said_at_once(part):
    served = Served(CONTENT, status=404)
    with pytest.raises(TransferError, match='404'):
        get(served, part)
    assert len(served.requests) == 1


def test_an_overloaded_server_is_asked_again_and_then_given_up(part):
    served = Served(CONTENT, status=503)
    with pytest.raises(TransferError, match='503'):
        get(served, part)
    assert len(served.requests) == 3


def test_a_slow_server_is_waited_for_and_a_silent_one_is_not(part):
    assert get(Served(CONTENT, pause=0.02), part, timeout=5) == len(CONTENT)
    with pytest.raises(TransferError, match='0 of 307200'):
        get(Served(CONTENT, pause=1.0), part.with_name('other.part'), timeout=0.1)


@pytest.mark.parametrize('scheme', ['file', 'ftp'])
def test_nothing_but_http_is_opened(scheme, part, tmp_path):
    (tmp_path / 'secret').write_text('x')
    with pytest.raises(TransferError, match='neither http nor https'):
        fetch(f'{scheme}://{tmp_path}/secret', part, LIMIT)
    with pytest.raises(TransferError, match='leads from http to ftp:|not allowed'):
        get(Served(CONTENT, leads_to=f'{scheme}://localhost{tmp_path}/secret'), part)
    assert left(part) == []


def test_no_server_is_one_reason(part):
    with serving(Served(CONTENT)) as served:
        pass
    with pytest.raises(TransferError, match=r'127\.0\.0\.1:\d+ cannot be reached'):
        fetch(served.address, part, LIMIT)
