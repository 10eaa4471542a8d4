"""One exception for each problem that a person can fix: the message is what is wrong, `remedy` is what to do.

Exit codes (docs/reference/exit-codes.md): 0 done; 1 internal error; 2 some input could not be processed, or
the command line is not valid; 3 a service is unavailable; 4 a program is missing; 5 a setting is wrong; 6
already running; 7 not found; 130 interrupted.
"""

from __future__ import annotations


class ChartloomError(Exception):
    """Base of all errors that are reported in one sentence, without a traceback."""

    exit_code = 1
    code = "error"

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.args[0]} {self.remedy}".strip()


class InvalidInput(ChartloomError):
    """A file or record that cannot be processed. `code` is one of a small stable set: see
    docs/reference/quarantine.md.
    """

    exit_code = 2

    def __init__(self, message: str, remedy: str = "", code: str = "invalid_input") -> None:
        super().__init__(message, remedy)
        self.code = code


class ServiceUnavailable(ChartloomError):
    """The database or the object store is unavailable; the same call may succeed later."""

    exit_code = 3
    code = "service_unavailable"


class MissingDependency(ChartloomError):
    """A program that Chartloom needs is not installed."""

    exit_code = 4
    code = "missing_dependency"

    def __init__(self, program: str, install: str) -> None:
        super().__init__(f"The program {program} was not found.", f"Install it with: {install}")
        self.program = program
        self.install = install


class ConfigurationError(ChartloomError):
    """A setting is missing or wrong."""

    exit_code = 5
    code = "configuration_error"


class AlreadyRunning(ChartloomError):
    """Another `chartloom up` is running with this home."""

    exit_code = 6
    code = "already_running"


class NotFound(ChartloomError):
    """Something named on the command line or in a URL does not exist."""

    exit_code = 7
    code = "not_found"


class Conflict(ChartloomError):
    """Someone else changed it in the meantime."""

    exit_code = 1
    code = "conflict"


class PageAccountingError(ChartloomError):
    """A page of a scan is in no document or in two: nothing of this scan is committed."""

    code = "page_accounting_error"
