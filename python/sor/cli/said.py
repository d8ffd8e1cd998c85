"""What an error says of arguments in Python, as the options that stand for them on the command line."""

from __future__ import annotations

import re

from sor.tape.options import READ

_READ = "|".join((*READ, "max_bytes"))
_OPTIONS = (
    (re.compile(r"columns=\{theirs: ours\}"), "--set read.columns.THEIRS=OURS"),
    (re.compile(r"columns=\{'([\w ]+)': '(\w+)'\}"), r"--set 'read.columns.\1=\2'"),
    # Not hive's `date=2024-01-02` in a path.
    (re.compile(rf"(?<![\w./-])({_READ})=(?=['\" ])"), r"--set read.\1="),
    (re.compile(r"choose one with symbol=$"), "choose one with --symbol"),
)


def on_command_line(message: str) -> str:
    """Return the message of an error about a tape with options in the place of arguments."""
    for argument, option in _OPTIONS:
        message = argument.sub(option, message)
    return message
