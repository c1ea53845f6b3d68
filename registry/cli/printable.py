"""What other people wrote, as it may stand on a terminal.

Whoever uploads describes a version, whoever makes a token names it, and a registry answers what it
likes: in all of these a terminal would obey what it takes for a command.
"""

import json


def printable(text: str) -> str:
    r"""Return a text in which everything that nobody sees is written out, line breaks too.

    >>> printable("red: \x1b[31m")
    'red: \\x1b[31m'
    """
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
    )


def printable_json(text: str) -> str:
    r"""Return a JSON document on one line that means the same, and which a terminal only shows.

    >>> printable_json('"red: \x9b31m"')
    '"red: \\u009b31m"'
    """
    if text.isprintable():
        return text
    # Outside of its strings nothing of it is unprintable.
    return "".join(each if each.isprintable() else json.dumps(each)[1:-1] for each in text)
