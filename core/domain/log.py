"""Log lines: every entry is exactly one line, whatever text it quotes.

CloudWatch makes metrics of every log line that is JSON in the embedded metric format. File names, keys and messages of
other programs are logged, and a line break in one of them would let its sender forge metrics.
"""

import sys


def one_line(text: str) -> str:
    """The text with characters that are not printable, such as line breaks and lone surrogates, as Python's escapes.

    A printable text stays as it is, so that applying the function again changes nothing.
    """
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )


def say(text: object) -> None:
    """Write one line to stderr, by a single write, so that lines of several threads do not mix."""
    sys.stderr.write(one_line(str(text)) + "\n")
    sys.stderr.flush()
