"""Where exports lie, in the order in which they go on: `open`, `kept` beside it, and the bucket where there is one.

Its methods wait for disks and networks: call them in threads.
"""

from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import TypeVar

from frontend.config import settings
from frontend.errors import NotFoundError
from frontend.recordings.claims import unusable
from frontend.recordings.draft import Draft
from frontend.recordings.local import LocalStore
from frontend.recordings.record import Bucket, Record, Store

# What is half made or half deleted for so long is nobody's work any more.
_ABANDONED_SECONDS = 600.0

_Result = TypeVar("_Result")


class Shelves:
    def __init__(self, options: settings.Exports) -> None:
        try:
            self.open, self.kept = (LocalStore(Path(options.directory) / name) for name in ("open", "kept"))
        except OSError as e:
            raise unusable(options.directory, e) from e
        self.bucket = _bucket(options) if options.store == "s3" else None
        # One after the other: what moves on meanwhile is in one of them at least.
        self._stores: list[Store] = [self.open, self.kept, *([self.bucket] if self.bucket else [])]

    def ids(self) -> set[str]:
        return {export_id for store in self._stores for export_id in store.ids()}

    def ask(self, question: Callable[[Store], _Result]) -> _Result:
        """The answer of whichever has the export."""
        for store in self._stores:
            with suppress(FileNotFoundError):
                return question(store)
        raise NotFoundError("there is no such export")

    def changed(self, export_id: str) -> float:
        """When it was written last, where its record does not say."""
        return self.ask(lambda store: store.changed(export_id))

    def put_away(self, export_id: str) -> None:
        """A finished one, from where it was written."""
        with suppress(FileNotFoundError):  # another was faster
            self.kept.save(export_id, self.open.folder(export_id))

    def left(self) -> set[str]:
        """Those that still lie where they were written, though nobody writes them."""
        return {export_id for export_id in self.open.ids() if not self.open.is_claimed(export_id)}

    def finish(self, export_id: str) -> Record | None:
        """One that its writer left; None where that had finished it. BlockingIOError where there still is one."""
        with closing(Draft.left(self.open, export_id)) as draft:
            record = None if draft.is_finished else draft.recover()
        self.put_away(export_id)
        return record

    def delete_here(self, export_id: str) -> int:
        """How much room that made; BlockingIOError while it moves into the bucket."""
        freed_bytes = 0
        for store in (self.open, self.kept):
            with suppress(FileNotFoundError), store.claim(export_id):
                freed_bytes += store.delete(export_id)
        return freed_bytes

    def size_bytes(self) -> int:
        """Of all that is here, whoever made it."""
        return sum(store.size_bytes(each) for store in (self.open, self.kept) for each in store.ids())

    def clean(self, alone: bool) -> None:
        """Remove what a crash left half made or half deleted; beside others only what is old enough to be that."""
        for store in (self.open, self.kept):
            store.sweep(0.0 if alone else _ABANDONED_SECONDS)


def _bucket(options: settings.Exports) -> Bucket:
    # The library is loaded where it is used only.
    from frontend.recordings.s3 import BucketStore

    return BucketStore(options)
