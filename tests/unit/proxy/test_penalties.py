from dormouse.proxy.penalties import Penalties


def delays(penalties: Penalties, count: int, role: str = "role", now: float = 0.0) -> list[float]:
    return [penalties.failed("ep", role, now) for _ in range(count)]


def test_the_first_failures_are_free_and_the_later_ones_wait_up_to_a_second() -> None:
    assert delays(Penalties(), 10) == [0, 0, 0, 0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0]


def test_a_success_forgives() -> None:
    penalties = Penalties()
    delays(penalties, 5)

    penalties.succeeded("ep", "role")

    assert delays(penalties, 1) == [0]


def test_time_forgives() -> None:
    penalties = Penalties()
    delays(penalties, 5, now=0.0)

    assert delays(penalties, 1, now=61.0) == [0]


def test_other_roles_do_not_pay() -> None:
    penalties = Penalties()
    delays(penalties, 5)

    assert delays(penalties, 1, role="other") == [0]


def test_invented_names_do_not_fill_the_memory() -> None:
    penalties = Penalties()

    for number in range(10_000):
        penalties.failed("ep", str(number), 0.0)

    assert len(penalties._failures) == 4096


def test_a_million_failures_are_a_second() -> None:
    assert delays(Penalties(), 20_000)[-1] == 1.0
