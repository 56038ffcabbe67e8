"""Which trunks do so badly that the others go first."""

from datetime import UTC, datetime, timedelta

from gateway.model.trunk_quality import CallSample, demoted, quality

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def samples(answered: int, of: int, delay: float | None = None, age: timedelta = timedelta()) -> list[CallSample]:
    pdd = None if delay is None else timedelta(seconds=delay)
    return [CallSample(NOW - age, n < answered, pdd) for n in range(of)]


def worst(**trunks: list[CallSample]) -> frozenset[str]:
    return demoted({name: quality(each, NOW) for name, each in trunks.items()})


def test_a_trunk_on_which_far_fewer_answer_than_on_its_peer_is_demoted() -> None:
    assert worst(a=samples(5, 30), b=samples(20, 30)) == {"a"}


def test_a_trunk_that_does_a_little_worse_is_not() -> None:
    assert worst(a=samples(15, 30), b=samples(20, 30)) == frozenset()


def test_trunks_whose_callees_rarely_answer_are_not_told_apart_by_chance() -> None:
    assert worst(a=samples(2, 30), b=samples(7, 30)) == frozenset()


def test_a_trunk_that_connects_far_more_slowly_is_demoted() -> None:
    assert worst(a=samples(20, 30, delay=6.0), b=samples(20, 30, delay=1.5)) == {"a"}


def test_delays_of_an_instant_are_not_compared_by_their_ratio() -> None:
    assert worst(a=samples(20, 30, delay=1.0), b=samples(20, 30, delay=0.1)) == frozenset()


def test_few_calls_say_nothing() -> None:
    assert worst(a=samples(0, 19), b=samples(30, 30)) == frozenset()


def test_a_trunk_alone_is_not_demoted() -> None:
    assert worst(a=samples(0, 100, delay=20.0)) == frozenset()


def test_what_is_older_than_an_hour_does_not_count() -> None:
    assert worst(a=samples(0, 50, age=timedelta(minutes=61)), b=samples(30, 30)) == frozenset()
    assert quality(samples(0, 50, age=timedelta(minutes=61)), NOW).answer_seizure_ratio is None


def test_the_newest_hundred_count() -> None:
    old, new = samples(0, 100), samples(100, 100)
    assert quality([*old, *new], NOW).answer_seizure_ratio == 1.0
