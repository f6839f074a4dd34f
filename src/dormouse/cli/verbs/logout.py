"""`dormouse logout`"""

from dormouse.cli.credentials import forget_login, login_file
from dormouse.cli.output import answer, fails_politely

__all__ = ["logout"]


@fails_politely
def logout() -> None:
    """Forget the key of `dormouse login`; the verbs about projects mean the local platform again.

    Example: dormouse logout
    """
    answer("logged out" if forget_login(login_file()) else "nobody was logged in")
