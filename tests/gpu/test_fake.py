import datetime as dt

from monitor.gpu.fake import SimulatedCard, simulated_host


def test_the_name_says_that_it_is_simulated(now: dt.datetime) -> None:
    assert all(card.name.startswith("Simulated") for card in simulated_host(now))


def test_energy_never_falls_and_fits_the_power(now: dt.datetime) -> None:
    card = SimulatedCard(0)
    first, later = card.read(now), card.read(now + dt.timedelta(seconds=10))
    assert first.energy_joules is not None
    assert later.energy_joules is not None
    assert first.power_watts is not None
    assert abs((later.energy_joules - first.energy_joules) / 10 - first.power_watts) < 10


def test_a_day_stays_within_what_a_card_can_do(now: dt.datetime) -> None:
    for minute in range(0, 1440, 7):
        for card in simulated_host(now + dt.timedelta(minutes=minute)):
            assert card.utilization_ratio is not None
            assert card.memory_used_bytes is not None
            assert card.memory_total_bytes is not None
            assert 0 <= card.utilization_ratio <= 1
            assert card.memory_used_bytes < card.memory_total_bytes


def test_only_the_card_with_the_bad_fan_throttles_in_the_course_of_a_day(now: dt.datetime) -> None:
    polls = [simulated_host(now + dt.timedelta(minutes=minute)) for minute in range(0, 1440, 10)]
    hot = [sum(cards[place].throttle["hw_thermal"] for cards in polls) for place in (0, 1)]
    assert hot[0] == 0
    assert 0 < hot[1] < len(polls)
