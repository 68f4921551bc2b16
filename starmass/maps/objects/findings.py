"""What is found out about the FITS files of an object: notes for its page, and problems.

Problems are collected, so that a user learns all of them at once.
"""

import logging

from starmass.errors import InputError

logger = logging.getLogger("starmass")


class Findings:
    """Notes and problems of one object.

    Attributes
    ----------
    name : of the object
    silent : whether notes are not logged
    notes : {channel, level: assumption, warning or note, text}, a plain sentence each
    problems : sentences with the file, the keyword and the config's key
    """

    def __init__(self, name: str, silent: bool = False):
        self.name, self.silent = name, silent
        self.notes: list[dict[str, str]] = []
        self.problems: list[str] = []

    def key(self, *parts: str) -> str:
        """Return a key of the config, as ``objects.vla1623.sigma_v.kind``."""
        return ".".join(("objects", self.name, *parts))

    def refuse(self, text: str) -> None:
        """Keep a problem, for which no maps can be made."""
        if text not in self.problems:
            self.problems.append(text)

    def assume(self, channel: str, text: str) -> None:
        """Keep what was taken for granted and shapes the result."""
        self._add(channel, "assumption", text)

    def warn(self, channel: str, text: str) -> None:
        """Keep what is doubtful."""
        self._add(channel, "warning", text)

    def note(self, channel: str, text: str) -> None:
        """Keep what a reader of the page may want to know."""
        self._add(channel, "note", text)

    def _add(self, channel: str, level: str, text: str) -> None:
        one = {"channel": channel, "level": level, "text": text}
        if one not in self.notes:
            self.notes.append(one)
            if self.silent:
                return
            say = logger.warning if level == "warning" else logger.info
            say("%s, %s: %s", self.name, channel, text)

    def stop(self) -> None:
        """Raise the first problem, if there is any.

        Raises
        ------
        InputError
            says how many problems there are beside it, and how to see them
        """
        if not self.problems:
            return
        text, *others = self.problems
        if others:
            count = "another problem" if len(others) == 1 else f"{len(others)} other problems"
            text += f" There is {count}" if len(others) == 1 else f" There are {count}"
            text += f"; starmass object {self.name} lists all."
        raise InputError(text)
