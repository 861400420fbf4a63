"""The edge between the commands and the shell: what is raised inside becomes one sentence on stderr and an exit status.

Exit status: 0 fine, 1 a check failed or a run diverged, 2 bad input, 130 interrupted; 143 and 129 for SIGTERM and SIGHUP.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bwtheory.signals import status_of_stop

_LONGEST_SENTENCE = 2000


class BadInput(Exception):
    """A sentence for the user; the command ends with exit status 2."""


class Failed(Exception):
    """A sentence for the user; the command ends with exit status 1."""


@contextmanager
def bad_input_is_a_sentence() -> Iterator[None]:
    """Around what reads input and uses it: an exception that describes bad input becomes BadInput."""
    try:
        yield
    except OSError as error:
        named = error.strerror and isinstance(error.filename, str) and error.args[1:] == (error.strerror,)
        raise BadInput(f"{error.strerror}: {error.filename!r}." if named else str(error)) from None
    except ValueError as error:
        raise BadInput(str(error)) from None
    except ImportError as error:
        if sys.flags.optimize < 2:
            raise
        raise BadInput(f"Python drops docstrings under -OO (PYTHONOPTIMIZE=2), and a library needs them: {error}.") from None
    except Exception as error:
        if "torch" not in sys.modules:
            raise
        from bwtheory.training.session import Diverged

        if isinstance(error, Diverged):
            raise Failed(str(error)) from None
        if isinstance(error, RuntimeError) and "allocate" in str(error):  # PyTorch's way of saying it
            raise MemoryError(str(error).splitlines()[0]) from None
        raise


def exit_status(work: Callable[[], int]) -> int:
    """The status with which the work ends; where it raises what is said to the user, the sentence goes to stderr."""
    try:
        return work()
    except (BadInput, Failed) as error:
        print(f"bwtheory: {_on_one_line(str(error))}", file=sys.stderr)
        return 2 if isinstance(error, BadInput) else 1
    except MemoryError as error:
        print(f"bwtheory: The memory does not suffice. {_on_one_line(str(error))}".rstrip(), file=sys.stderr)
        return 2
    except KeyboardInterrupt as stop:
        return status_of_stop(stop)


def _on_one_line(sentence: str) -> str:
    """Without line breaks and other control characters, which names of files may have, and not as long as a command may be."""
    if len(sentence) > _LONGEST_SENTENCE:
        half = _LONGEST_SENTENCE // 2
        sentence = f"{sentence[:half]} ... {sentence[-half:]}"
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode("ascii") for c in sentence)


@contextmanager
def warnings_are_no_errors() -> Iterator[None]:
    """Under `python -W error` a deprecation in a library that this one uses would end a training."""
    with warnings.catch_warnings():
        if any(kind == "error" for kind, *_ in warnings.filters):
            warnings.filters[:] = [("default" if kind == "error" else kind, *rest) for kind, *rest in warnings.filters]  # type: ignore
            warnings.simplefilter("default", append=True)  # which also says that the filters have changed
        yield
