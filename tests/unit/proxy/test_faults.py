from dormouse.names import EndpointId
from dormouse.proxy.faults import Fault, Faults

ONE, TWO = EndpointId("ep-one"), EndpointId("ep-two")


def test_nothing_goes_wrong_unasked() -> None:
    assert Faults(lambda: 0.0).find(ONE) is None


def test_a_fault_is_one_endpoints_until_it_is_cleared() -> None:
    faults = Faults(lambda: 0.0)
    faults.of(ONE).delay_s = 0.2
    faults.of(TWO).denied_until = 5.0

    assert set(faults.in_force()) == {ONE, TWO}
    assert faults.clear(ONE) == [ONE]
    assert set(faults.in_force()) == {TWO}
    assert faults.clear() == [TWO]
    assert faults.in_force() == {}


def test_what_is_over_is_not_in_force() -> None:
    now = [0.0]
    faults = Faults(lambda: now[0])
    faults.of(ONE).denied_until = 5.0
    now[0] = 5.0

    assert faults.in_force() == {}


def test_only_so_many_sessions_are_cut() -> None:
    fault = Fault(drops=2, drop_after_bytes=100)

    assert [fault.take_drop() for _ in range(3)] == [100, 100, None]
    assert fault.is_over(0.0)
