"""`dormouse open`"""

import os
import sys
import webbrowser
from typing import Annotated

import typer

from dormouse.cli import background
from dormouse.cli.connections import client_of
from dormouse.cli.opening import has_screen
from dormouse.cli.options import AsJson
from dormouse.cli.output import answer, answer_json, fails_politely, say
from dormouse.cli.settings import settings_with
from dormouse.storage.layout import Layout

__all__ = ["open"]


@fails_politely
def open(  # noqa: A001 - the verb's name
    *,
    only_print: Annotated[bool, typer.Option("--print", help="Print the link, and open no browser.")] = False,
    as_json: AsJson = False,
) -> None:
    """Open the console: print a link that lets one browser in, once, within ten minutes.

    Where there is a screen the browser is opened too. The link is as secret as the API's key: on a machine that
    you share, use --print, because other users may see what a browser is started with.

    Example: dormouse open --print
    """
    layout = Layout(settings_with().home)
    there = background.find(layout)
    link = there.http_url + client_of(layout).console_link().path
    if as_json:
        answer_json({"link": link})
        return
    answer(link)
    if only_print or not has_screen(os.environ, sys.platform):
        say("open it in a browser on this machine; it works once, for ten minutes")
    elif webbrowser.open(link):
        say("opened in your browser")
    else:
        say("no browser could be started; open the link in one, within ten minutes")
