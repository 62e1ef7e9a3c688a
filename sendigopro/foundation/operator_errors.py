"""What an operator must mend: one line that says what is wrong and what to do, printed without a traceback."""


class OperatorError(Exception):
    """The base of all such; `commands/main.py` prints it and exits with 1."""
