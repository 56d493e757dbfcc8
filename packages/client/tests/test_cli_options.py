"""The command line's grammar."""

from __future__ import annotations

import pytest

from whimbrel import __version__
from whimbrel._cli.exits import CliError, Exit
from whimbrel._cli.options import parse

URL = "http://localhost/"


def test_defaults() -> None:
    options = parse([URL])
    assert options.url == URL
    assert (options.max_redirs, options.max_time, options.data, options.header) == (
        50,
        None,
        (),
        (),
    )
    assert not any((options.location, options.insecure, options.include, options.fail))


def test_short_options_are_curls() -> None:
    line = "-X PUT -H A:1 -H B:2 -d x -d y -o f -L -k -v -i -u a:b -f -A me -m 2.5"
    options = parse([*line.split(), URL])
    assert (options.request, options.header, options.data) == ("PUT", ("A:1", "B:2"), ("x", "y"))
    assert (options.output, options.user, options.user_agent) == ("f", "a:b", "me")
    assert options.max_time == 2.5
    flags = (options.location, options.insecure, options.verbose, options.include, options.fail)
    assert all(flags)


def test_long_options() -> None:
    line = "--proxy http://p:1 --unix-socket /s --compressed --timing --head --timeout 3"
    options = parse([*line.split(), "--max-redirs", "-1", URL])
    assert (options.proxy, options.unix_socket, options.max_redirs) == ("http://p:1", "/s", -1)
    assert (options.compressed, options.timing, options.head, options.max_time) == (
        True,
        True,
        True,
        3,
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "URL"),
        ([URL, URL], "unrecognized"),
        (["--nonsense", URL], "--nonsense"),
        (["--comp", URL], "--comp"),
        (["-m", "0", URL], "above zero"),
        (["-m", "-1", URL], "-m"),
        (["-m", "nan", URL], "above zero"),
        (["-m", "soon", URL], "soon"),
        (["--max-redirs", "-2", URL], "--max-redirs"),
        (["--json", "{}", "-d", "a", URL], "--json"),
        (["-I", "-d", "a", URL], "--head"),
        (["-I", "--json", "{}", URL], "--head"),
        (["-u", "nobody", URL], "USER:PASSWORD"),
    ],
)
def test_what_makes_no_sense(arguments: list[str], words: str) -> None:
    with pytest.raises(CliError) as caught:
        parse(arguments)
    assert caught.value.code is Exit.USAGE
    assert words in caught.value.message
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_answers_without_a_transfer(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parse([option])
    assert caught.value.code == 0
    output = capsys.readouterr().out
    assert output.startswith("usage: whimbrel" if option == "--help" else f"whimbrel {__version__}")
