"""Writes the log in a thread, because a write to standard error may block."""

import os
import select
import sys
import time
from collections.abc import Callable
from threading import Event, Lock, Thread

from handlers import limits


class LogWriter:
    """A buffer of lines, and a thread that writes the buffer to standard error.

    `dropped_line` formats a line for a number of dropped lines.
    """

    def __init__(self, dropped_line: Callable[[int], bytes]) -> None:
        self._dropped_line = dropped_line
        self._file = sys.stderr.fileno() if sys.stderr else None
        self._lock = Lock()
        self._lines: list[bytes] = []
        self._size = 0
        self._dropped = 0
        self._has_lines = Event()
        self._is_writing = False
        Thread(target=self._run, name="log", daemon=True).start()

    def write(self, line: bytes) -> None:
        """Buffer a line, with the newline at the end. Thread-safe."""
        with self._lock:
            if self._size + len(line) > limits.MAX_BUFFERED_LOG:
                self._dropped += 1
                return
            self._lines.append(line)
            self._size += len(line)
        if not self._has_lines.is_set():
            self._has_lines.set()

    def flush(self) -> None:
        """Wait until the buffer is written, for at most LOG_FLUSH_TIMEOUT."""
        until = time.monotonic() + limits.LOG_FLUSH_TIMEOUT
        while (self._lines or self._is_writing) and time.monotonic() < until:
            time.sleep(limits.LOG_WRITE_INTERVAL / 4)

    def _run(self) -> None:
        while True:
            self._has_lines.wait()
            self._has_lines.clear()
            self._is_writing = True
            self._write(self._take())
            self._is_writing = False
            time.sleep(limits.LOG_WRITE_INTERVAL)

    def _take(self) -> bytes:
        with self._lock:
            lines, self._lines, self._size = self._lines, [], 0
            if self._dropped:
                lines.append(self._dropped_line(self._dropped))
                self._dropped = 0
        return b"".join(lines)

    def _write(self, rest: bytes) -> None:
        while rest and self._file is not None:
            try:
                rest = rest[os.write(self._file, rest) :]
            except BlockingIOError:
                # Another process has made the shared pipe or terminal non-blocking.
                select.select([], [self._file], [])
            except OSError:
                # The reader has exited, or the disk is full: the lines are lost.
                rest = b""
