"""In place of exports where none are kept: streams run as ever, and nothing is found."""

from frontend.caller import Caller
from frontend.errors import NotFoundError
from frontend.memory.budget import Lease
from frontend.recordings.record import Reach, Record, WavReader


class NoExports:
    async def recover(self, alone: bool = True) -> None:
        pass

    async def join(self) -> None:
        pass

    async def inherit(self) -> None:
        pass

    async def begin(self, export_id: str, caller: Caller, rate: int, lease: Lease) -> None:
        return None

    async def records(self, reach: Reach) -> list[Record]:
        return []

    async def find(self, export_id: str, reach: Reach) -> Record:
        raise NotFoundError("exports are not kept")

    async def transcript(self, record: Record) -> bytes:
        raise NotFoundError("exports are not kept")

    async def audio(self, record: Record) -> WavReader:
        raise NotFoundError("exports are not kept")

    async def read(self, reader: WavReader) -> bytes:
        return b""

    async def delete(self, record: Record) -> None:
        pass

    async def close(self) -> None:
        pass
