"""`dormouse branch`: the modules add their verbs to it, in the order in which they are imported."""

from dormouse.cli.verbs.branch import listing, ordinary, past, schema, sweep, undoing  # noqa: F401
from dormouse.cli.verbs.branch.noun import branch

__all__ = ["branch"]
