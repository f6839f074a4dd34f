from dormouse.proxy.cancellation import CancelTarget, Registry
from dormouse.wire.messages import BackendKeyData

OURS = BackendKeyData(42, b"ours")
TARGET = CancelTarget("/run/.s.PGSQL.5432", BackendKeyData(42, b"real"))


def test_a_key_leads_to_the_computes_own() -> None:
    registry = Registry()
    registry.add(OURS, TARGET)

    assert registry.find(BackendKeyData(42, b"ours")) == TARGET


def test_pid_and_secret_must_both_fit() -> None:
    registry = Registry()
    registry.add(OURS, TARGET)

    assert registry.find(BackendKeyData(42, b"real")) is None
    assert registry.find(BackendKeyData(43, b"ours")) is None


def test_a_removed_key_is_forgotten() -> None:
    registry = Registry()
    registry.add(OURS, TARGET)

    registry.remove(OURS)
    registry.remove(OURS)

    assert registry.find(OURS) is None
    assert len(registry) == 0


def test_longer_keys_of_protocol_3_2_fit_too() -> None:
    registry = Registry()
    long = BackendKeyData(42, bytes(range(256)))
    registry.add(long, TARGET)

    assert registry.find(BackendKeyData(42, bytes(range(256)))) == TARGET
