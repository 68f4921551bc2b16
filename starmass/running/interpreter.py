"""The Python interpreter, by a name that a shell takes as one word."""

import os
import shlex
from pathlib import Path

NAME = ".snakemake/starmass-python"


def one_word(interpreter: str, folder: Path) -> str:
    """Return a path of the interpreter without characters that mean something to a shell.

    Snakemake writes the interpreter's path into its shell commands as it stands, so that a space
    in it, as of an environment in "my work", splits the command. Where it has such characters a
    small script in ``folder`` starts it, named by a relative path if ``folder`` has them as well.

    Parameters
    ----------
    interpreter : absolute path
    folder : where the run works and its commands start
    """
    if shlex.quote(interpreter) == interpreter:
        return interpreter
    script = folder / NAME
    text = f'#!/bin/sh\nexec {shlex.quote(interpreter)} "$@"\n'
    try:
        if not script.is_file() or script.read_text(encoding="utf-8") != text:
            script.parent.mkdir(exist_ok=True)
            aside = script.with_name(f"{script.name}.{os.getpid()}")  # jobs start at the same time
            aside.write_text(text, encoding="utf-8")
            aside.chmod(0o755)
            aside.replace(script)
    except OSError:  # a plan needs none, and a run in such a folder says what is wrong with it
        return interpreter
    path = str(script.absolute())
    return path if shlex.quote(path) == path else NAME
