"""Ids and host names, in the forms that Neon's clients recognise.

A branch id that does not have four parts is taken for a branch *name* by `neonctl`, which then
looks it up with one more request; so the forms here are part of the promise, not decoration.

Chance is a parameter: every maker takes a `random.Random`, and the edge passes `SystemRandom`.
"""

import random
import re
import string
import uuid
from dataclasses import dataclass
from typing import Final, NewType

__all__ = [
    "DEFAULT_DATABASE",
    "DEFAULT_HOST_SUFFIX",
    "POOLER_SUFFIX",
    "BranchId",
    "EndpointHost",
    "EndpointId",
    "Incarnation",
    "OperationId",
    "ProjectId",
    "host_of",
    "is_endpoint_id",
    "new_branch_id",
    "new_endpoint_id",
    "new_incarnation",
    "new_operation_id",
    "new_password",
    "new_project_id",
    "new_snapshot_id",
    "owner_of",
    "parse_host",
]

ProjectId = NewType("ProjectId", str)
BranchId = NewType("BranchId", str)
EndpointId = NewType("EndpointId", str)
OperationId = NewType("OperationId", str)

Incarnation = NewType("Incarnation", str)
"""One life of a branch's data: new at creation, reset and restore. 32 hex digits, as Neon's timeline ids."""

DEFAULT_DATABASE: Final = "neondb"
DEFAULT_HOST_SUFFIX: Final = "dormouse.localhost"
POOLER_SUFFIX: Final = "-pooler"

_ADJECTIVES: Final = (
    "autumn", "bold", "bright", "broad", "calm", "cold", "cool", "crimson", "curly", "damp", "dark", "dawn",
    "delicate", "dry", "early", "falling", "flat", "floral", "fragrant", "frosty", "gentle", "green",
    "hidden", "holy", "late", "lingering", "little", "lively", "long", "lucky", "misty", "morning", "muddy",
    "noisy", "odd", "old", "orange", "patient", "plain", "polished", "proud", "purple", "quiet", "rapid",
    "red", "restless", "rough", "round", "royal", "shiny", "shy", "silent", "small", "snowy", "soft",
    "solitary", "sparkling", "spring", "square", "steep", "still", "summer", "super", "sweet", "tight",
    "tiny", "twilight", "wandering", "weathered", "white", "wild", "winter", "wispy", "withered", "yellow",
    "young",
)  # fmt: skip
_NOUNS: Final = (
    "acorn", "bank", "bark", "bird", "boat", "bonus", "bread", "breeze", "brook", "bush", "butterfly", "cake",
    "cell", "cherry", "cloud", "credit", "darkness", "dawn", "dew", "disk", "dust", "feather", "field",
    "fire", "firefly", "flower", "fog", "forest", "frog", "frost", "glade", "glitter", "grass", "hall", "hat",
    "haze", "hazel", "heart", "hedge", "hill", "king", "lab", "lake", "leaf", "limit", "math", "meadow",
    "mode", "moon", "morning", "moss", "mountain", "mouse", "night", "paper", "pine", "poetry", "pond",
    "queen", "rain", "recipe", "resonance", "rice", "river", "salad", "scene", "sea", "shadow", "shape",
    "silence", "sky", "smoke", "snow", "snowflake", "sound", "star", "sun", "sunset", "surf", "term",
    "thicket", "thunder", "tooth", "tree", "truth", "union", "unit", "violet", "voice", "water", "waterfall",
    "wave", "wildflower", "wind", "wood",
)  # fmt: skip

_LOWER_ALNUM: Final = string.ascii_lowercase + string.digits
_ENDPOINT_ID: Final = re.compile(r"[a-z0-9-]{1,63}")


def new_project_id(chance: random.Random) -> ProjectId:
    """`long-forest-06846227`"""
    return ProjectId(f"{_words(chance)}-{_pick(chance, string.digits, 8)}")


def new_branch_id(chance: random.Random) -> BranchId:
    """`br-floral-wind-a5090hvr`"""
    return BranchId(f"br-{_words(chance)}-{_pick(chance, _LOWER_ALNUM, 8)}")


def new_endpoint_id(chance: random.Random) -> EndpointId:
    """`ep-calm-hill-a5x6y7z8`"""
    return EndpointId(f"ep-{_words(chance)}-{_pick(chance, _LOWER_ALNUM, 8)}")


def new_snapshot_id(chance: random.Random) -> str:
    """`snap-gray-fog-c3d4e5f6`"""
    return f"snap-{_words(chance)}-{_pick(chance, _LOWER_ALNUM, 8)}"


def new_operation_id(chance: random.Random) -> OperationId:
    """A version 4 UUID."""
    return OperationId(str(uuid.UUID(int=chance.getrandbits(128), version=4)))


def new_incarnation(chance: random.Random) -> Incarnation:
    """32 hex digits."""
    return Incarnation(f"{chance.getrandbits(128):032x}")


def new_password(chance: random.Random) -> str:
    """`npg_` and twelve alphanumerics: 71 bits."""
    return "npg_" + _pick(chance, string.ascii_letters + string.digits, 12)


def owner_of(database: str) -> str:
    """The role that Neon makes to own `database`: `neondb_owner`."""
    return f"{database}_owner"


def is_endpoint_id(text: str) -> bool:
    """Whether `text` may be looked up as an endpoint: alphanumerics and hyphens, one DNS label long."""
    return _ENDPOINT_ID.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class EndpointHost:
    """What a host name says: which compute, and whether by way of its pooler."""

    endpoint: EndpointId
    pooled: bool = False


def host_of(endpoint: EndpointId, suffix: str, *, pooled: bool = False) -> str:
    """The name that clients connect to: `ep-….dormouse.localhost`, or `ep-…-pooler.dormouse.localhost`."""
    return f"{endpoint}{POOLER_SUFFIX if pooled else ''}.{suffix}"


def parse_host(host: str, suffix: str) -> EndpointHost | None:
    """What `host` names below `suffix`, letter case and a final dot aside; None if it is not one of our names."""
    label, dot, rest = host.lower().removesuffix(".").partition(".")
    if not dot or rest != suffix.lower() or not is_endpoint_id(label):
        return None
    endpoint = label.removesuffix(POOLER_SUFFIX)
    return EndpointHost(EndpointId(endpoint), pooled=endpoint != label) if endpoint else None


def _words(chance: random.Random) -> str:
    return f"{chance.choice(_ADJECTIVES)}-{chance.choice(_NOUNS)}"


def _pick(chance: random.Random, alphabet: str, count: int) -> str:
    return "".join(chance.choice(alphabet) for _ in range(count))
