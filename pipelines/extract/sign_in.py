"""Access to a provider, by a token or by a login that begins a session, without locking the account."""

import threading
from collections.abc import Callable
from typing import Protocol, TypeVar

from pipelines.common.errors import AccessRefused

T = TypeVar("T")

MOST_REFUSALS = 2  # in a row, of one token: more might lock the account


class Access(Protocol):
    """How to send requests that need credentials. Safe to use from several threads."""

    def begin_listing(self) -> None:
        """Begin another listing."""

    def send(self, exchange: Callable[[], T]) -> T:
        """Return what `exchange` returns. Raises AccessRefused if the credentials are refused."""


class Token:
    """Access by a token that is sent with every request."""

    def __init__(self) -> None:
        self._refusal: AccessRefused | None = None
        self._refusals = 0

    def begin_listing(self) -> None:
        """A token lasts for all listings."""

    def send(self, exchange: Callable[[], T]) -> T:
        """Return what `exchange` returns, unless the token was refused too often in a row.

        A single refusal may concern one client of several.
        """
        if self._refusal and self._refusals >= MOST_REFUSALS:
            raise self._refusal
        try:
            answer = exchange()
        except AccessRefused as refusal:
            if refusal.unauthorized:
                self._refusal, self._refusals = refusal, self._refusals + 1
            raise
        self._refusals = 0
        return answer


class SignIn:
    """Access by a session, which a login begins. If it ends, there is one more login per listing."""

    def __init__(self, log_in: Callable[[], None]) -> None:
        self._log_in = log_in
        self._lock = threading.Lock()
        self._session = 0  # the number of the current one; 0 before the first
        self._refusal: AccessRefused | None = None
        self._is_renewed = False  # logged in once more since the listing began
        self._is_answered = False  # in any session since the listing began

    def begin_listing(self) -> None:
        """Allow one more login, so that a broken server gets few."""
        self._is_renewed = self._is_answered = False

    def send(self, exchange: Callable[[], T]) -> T:
        """Return what `exchange` returns; if the session has ended, log in and call it once more."""
        session = self._log_in_after(0)
        try:
            return self._in_session(exchange)
        except AccessRefused as refusal:
            if not refusal.unauthorized:
                raise
        self._log_in_after(session)
        try:
            return self._in_session(exchange)
        except AccessRefused as refusal:
            if refusal.unauthorized and self._is_answered:
                raise _session_ended_twice() from None
            raise

    def _in_session(self, exchange: Callable[[], T]) -> T:
        answer = exchange()
        self._is_answered = True
        return answer

    def _log_in_after(self, session: int) -> int:
        """Log in unless another thread has done so since `session`; return the number of the current session.

        Refused credentials are not sent again, because that might lock the account.
        """
        with self._lock:
            if self._refusal:
                raise self._refusal
            if self._session == session:
                if session and self._is_renewed:
                    raise _session_ended_twice()
                try:
                    self._log_in()
                except AccessRefused as refusal:
                    self._refusal = refusal
                    raise
                self._session += 1
                self._is_renewed = session > 0
            return self._session


def _session_ended_twice() -> AccessRefused:
    return AccessRefused(
        "the session ended twice within one listing",
        "check how long a session of this user lasts, and whether another program ends it",
    )
