import shlex

from dormouse.web.console.howto import curl


def test_a_question() -> None:
    assert curl("/projects") == 'curl "$NEON_API_HOST/projects" -H "Authorization: Bearer $NEON_API_KEY"'


def test_what_is_sent_reaches_the_shell_whole() -> None:
    words = shlex.split(curl("/projects", "POST", {"project": {"name": "it's $HOME"}}))

    assert words[words.index("-d") + 1] == '{"project": {"name": "it\'s $HOME"}}'
    assert words[:3] == ["curl", "-X", "POST"]


def test_our_own_routes_are_beside_the_api() -> None:
    assert curl("/faults", local=True).startswith('curl "${NEON_API_HOST%/api/v2}/_local/faults"')
