"""What is said into a log: one line at a time, and no sender can begin another.

CloudWatch makes metrics of any line that is JSON in embedded metric format, whoever wrote it; names, keys and sentences
of other programs are told here, and any of them may hold a line break.
"""

import sys


def one_line(text: str) -> str:
    """The text with all that is not printable spelled as Python's escapes: line breaks, and halves of characters.

    What is one line already stays as it is, also the second time.
    """
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )


def say(text: object) -> None:
    """One line into the log, by one write: lines of threads never mix."""
    sys.stderr.write(one_line(str(text)) + "\n")
    sys.stderr.flush()
