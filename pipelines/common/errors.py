"""The expected failures: everything that can go wrong and is not a bug.

SyncError                       what happened, and what to do
├── ConfigurationError          a setting is missing or wrong                       exit 2
├── UsageError                  an argument names nothing, or asks for too much     exit 2
├── WarehouseError              there is no warehouse, or it cannot be read         exit 2
├── PublicationRefused          a check found a broken promise; nothing published   exit 4
├── DestinationFailed           a destination cannot be reached, or refuses         exit 1
├── WorkerFailed                a worker of a run died, or cannot do its part       exit 1
├── RunInProgress               another run holds the lock                          exit 5
└── ProviderError               one listing failed; the run continues               exit 3
    ├── Transient               worth a retry: timeouts, 429, 5xx, truncated bodies
    ├── AccessRefused           credentials or permissions; never retried
    └── MalformedAnswer         an answer that the vendor does not document
        └── EndMissing          it ends before its JSON does
"""

import copy
from typing import ClassVar, Self

from pipelines.common.exit_codes import ExitCode


def sentences(reason: str, remedy: str) -> str:
    """Join what happened and what to do into one line."""
    end = "" if reason.endswith(("?", ".", "!")) or not remedy else "."
    return f"{reason}{end} {remedy[:1].upper()}{remedy[1:]}".rstrip()


class SyncError(Exception):
    """An expected failure: `reason` says what happened, `remedy` what to do; neither holds a secret.

    `excerpt` is shown below them: the line of SQL with the mistake, and a mark under it.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.INTERNAL

    def __init__(self, reason: str, remedy: str = "", *, excerpt: str = "") -> None:
        super().__init__(reason, remedy)
        self.reason = reason
        self.remedy = remedy
        self.excerpt = excerpt

    def __str__(self) -> str:
        return f"{self.reason}: {self.remedy}" if self.remedy else self.reason


class ConfigurationError(SyncError):
    """A setting is missing, malformed or unsafe."""

    exit_code = ExitCode.USAGE


class UsageError(SyncError):
    """An argument names nothing that exists, or asks for what is not possible."""

    exit_code = ExitCode.USAGE


class WarehouseError(SyncError):
    """There is no published warehouse, or it cannot be read."""

    exit_code = ExitCode.USAGE


class PublicationRefused(SyncError):
    """A check found rows that break a promise; the previous warehouse stays."""

    exit_code = ExitCode.REFUSED


class DestinationFailed(SyncError):
    """A destination of `rollcall publish` cannot be reached, or refuses what it is asked for."""


class WorkerFailed(SyncError):
    """A worker of a run died too often, or cannot do its part."""


class RunInProgress(SyncError):
    """Another run holds the warehouse's lock."""

    exit_code = ExitCode.BUSY


class ProviderError(SyncError):
    """A listing could not be read to its end; the other listings continue.

    `kind` is what `listings.error_kind` calls it.
    """

    exit_code = ExitCode.PARTIAL
    kind: ClassVar[str] = "provider"

    def after(self, attempts: int) -> Self:
        """Return this failure with the number of attempts in its reason."""
        if attempts == 1:
            return self
        failure = copy.copy(self)  # one refusal can end several requests
        failure.reason = f"{self.reason} after {attempts} attempts"
        return failure


class Transient(ProviderError):
    """A failure that a retry may fix. `retry_after` is the wait that the provider asked for, in seconds.

    `is_too_much` means that the provider wants fewer requests, not only a later retry of this one.
    """

    kind = "transient"

    def __init__(
        self, reason: str, remedy: str = "", retry_after: float | None = None, *, is_too_much: bool = False
    ) -> None:
        super().__init__(reason, remedy)
        self.retry_after = retry_after
        self.is_too_much = is_too_much


class AccessRefused(ProviderError):
    """The provider refuses these credentials (`unauthorized`) or lacks permission for them."""

    kind = "access_refused"

    def __init__(self, reason: str, remedy: str = "", *, unauthorized: bool = False) -> None:
        super().__init__(reason, remedy)
        self.unauthorized = unauthorized


class MalformedAnswer(ProviderError):
    """The answer is not what the vendor's page documents."""

    kind = "malformed_answer"


class EndMissing(MalformedAnswer):
    """The answer ends before its JSON does."""
