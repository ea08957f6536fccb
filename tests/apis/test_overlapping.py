"""Threads that read ahead and write behind: order, bounds, errors."""

import threading

import pytest

from salseg.apis.overlapping import Background, map_ahead, read_ahead


def test_results_come_in_order_whatever_finishes_first():
    gates = [threading.Event() for _ in range(6)]

    def wait(number):
        # Each of a pair waits for the one behind it.
        if number % 2 == 0:
            assert gates[number + 1].wait(10)
        gates[number].set()
        return number * 10

    assert list(map_ahead(wait, range(6), workers=2, ahead=3)) == [0, 10, 20, 30, 40, 50]


def test_only_a_few_are_taken_before_they_are_requested():
    taken = []

    def numbers():
        for number in range(100):
            taken.append(number)
            yield number

    for done, value in enumerate(map_ahead(lambda x: x, numbers(), ahead=5)):
        assert value == done
        assert len(taken) - done <= 5
    assert len(taken) == 100


def test_an_error_is_raised_where_the_result_would_have_come():
    values = map_ahead(lambda x: 6 // x, [1, 2, 0, 3], ahead=4)
    assert (next(values), next(values)) == (6, 3)
    with pytest.raises(ZeroDivisionError):
        next(values)


def test_reading_ahead_gives_the_same_items_and_closes_its_source():
    closed = []

    def numbers():
        try:
            yield from range(50)
        finally:
            closed.append(True)

    assert list(read_ahead(numbers())) == list(range(50))
    assert list(read_ahead(iter([]))) == []
    reader = read_ahead(numbers())
    assert next(reader) == 0
    reader.close()
    assert closed == [True, True]


def test_an_error_of_the_source_surfaces_after_the_items_before_it():
    def broken():
        yield 1
        raise OSError('unplugged')

    got = []
    with pytest.raises(OSError, match='unplugged'):
        got.extend(read_ahead(broken()))
    assert got == [1]


def test_calls_behind_are_made_in_order_and_all_before_the_block_ends():
    made, told = [], []
    with Background(workers=1, ahead=2) as writing:
        for number in range(20):
            writing.submit(made.append, number, then=lambda _, n=number: told.append(n))
            assert number - len(told) <= 2
    assert made == told == list(range(20))


def test_an_error_behind_reaches_the_caller_and_stops_the_rest():
    made = []

    def fail(number):
        if number == 3:
            raise OSError('full')
        made.append(number)

    def work():
        with Background(workers=1, ahead=2) as writing:
            for number in range(100):
                writing.submit(fail, number)

    with pytest.raises(OSError, match='full'):
        work()
    assert made[:3] == [0, 1, 2]
    assert len(made) < 10


def test_what_has_not_begun_is_dropped_when_the_caller_fails():
    gate, made = threading.Event(), []

    def slow(number):
        gate.wait(10)
        made.append(number)

    def work():
        with Background(workers=1, ahead=5) as writing:
            for number in range(4):
                writing.submit(slow, number)
            threading.Timer(0.05, gate.set).start()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        work()
    assert len(made) < 4
