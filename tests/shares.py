"""The unit tests, by several pytests: each collects all tests, then takes one file of them after the other.

There is one more than there are cores, for some tests wait, and no more than four: to collect takes a tenth of what all
tests take, and a container does not say how many of the cores are its own. A pytest that told its workers which tests
to run, and were told of each how it went, would take more of the cores.
"""

import itertools
import multiprocessing
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.queues import SimpleQueue
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path

import pytest

MOST_PYTESTS = 4
OPTIONS = ("-q", "--no-header", "-p", "no:cacheprovider", "-o", "console_output_style=classic")


@dataclass
class Told:
    """By a pytest that came to its end."""

    collected: int = 0
    run: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)


class Share:
    """One pytest's part of the tests, as a plugin of it. `taken` counts the files that anybody has begun."""

    def __init__(self, taken: "Synchronized[int]") -> None:
        self._taken = taken
        self.told = Told()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        if session.testsfailed or session.config.option.collectonly:
            return None
        self.told.collected = len(session.items)
        own = self._own(session.items)
        ahead = next(own, None)
        while item := ahead:
            ahead = next(own, None)  # what both need is not made twice
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=ahead)
            self.told.run += 1
            if session.shouldfail:
                raise session.Failed(session.shouldfail)
        return True

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        kinds = ("passed", "failed", "error", "skipped", "xfailed", "xpassed")
        self.told.outcomes.update({kind: len(terminalreporter.stats.get(kind, ())) for kind in kinds})

    def _own(self, items: Sequence[pytest.Item]) -> Iterator[pytest.Item]:
        files = [list(each) for _, each in itertools.groupby(items, lambda item: item.path)]
        while (number := self._take()) < len(files):
            yield from files[number]

    def _take(self) -> int:
        with self._taken.get_lock():
            self._taken.value += 1
            return self._taken.value - 1


def main(arguments: Sequence[str], processes: int) -> int:
    """What one of them says is shown as it comes, what the others say where something went wrong."""
    began_seconds = time.monotonic()
    context = multiprocessing.get_context("spawn")
    taken, ended = context.Value("i", 0), context.SimpleQueue()
    with tempfile.TemporaryDirectory() as folder:
        words = [None, *(Path(folder) / str(number) for number in range(1, processes))]
        pytests = [context.Process(target=run, args=(arguments, taken, ended, each)) for each in words]
        for each in pytests:
            each.start()
        for each in pytests:
            each.join()
        told = list[Told]()
        while not ended.empty():
            told.append(ended.get())
        status = max(abs(each.exitcode or 0) for each in pytests) or int(len(told) < processes)
        for place in filter(None, words) if status else ():
            sys.stdout.write(place.read_text(errors="replace"))
    outcomes = sum((each.outcomes for each in told), Counter[str]())
    missing = max((each.collected for each in told), default=0) - sum(each.run for each in told)
    counts = ", ".join(f"{count} {kind}" for kind, count in {**outcomes, "lost": missing}.items() if count)
    seconds = time.monotonic() - began_seconds
    sys.stdout.write(f"{counts or 'no tests'} in {seconds:.1f} s, by {processes} pytests\n")
    return status or bool(missing)


def run(arguments: Sequence[str], taken: "Synchronized[int]", ended: "SimpleQueue[Told]", words: Path | None) -> None:
    if words:
        with words.open("w") as file:
            os.dup2(file.fileno(), sys.stdout.fileno())
            os.dup2(file.fileno(), sys.stderr.fileno())
    share = Share(taken)
    status = pytest.main([*OPTIONS, *arguments], plugins=[share])
    ended.put(share.told)
    sys.exit(status)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], min(len(os.sched_getaffinity(0)) + 1, MOST_PYTESTS)))
