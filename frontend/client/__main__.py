"""`python -m frontend.client PROTOCOL FILE`: runs a command; Ctrl-C ends a stream politely, a second one at once."""

import asyncio
import signal
import sys
from collections.abc import Sequence

from frontend.client import folder, language, live, transcription, voice, whisper
from frontend.client.command import Command, parse
from frontend.client.errors import INTERRUPTED, CommandError
from frontend.client.recording import sample
from frontend.client.screen import Screen, harmless, take_all_letters

WHOLE = {"language": language.run, "transcribe": transcription.run}
STREAMED = {
    "whisper": whisper.run,
    "live": live.run,
    "endpoint": voice.endpoint,
    "summary": voice.summary,
    "verify": voice.verify,
}


def main(arguments: Sequence[str] | None = None) -> int:
    take_all_letters()
    command = parse(arguments)
    try:
        command.file = sample() if command.sample else command.file
        asyncio.run(_run(command))
    except CommandError as e:
        sys.stderr.write(f"{command.protocol}: {harmless(str(e))}\n")
        return e.status
    except (KeyboardInterrupt, asyncio.CancelledError):
        return INTERRUPTED
    except BrokenPipeError:  # whoever read the results has enough
        return CommandError.status
    return 0


async def _run(command: Command) -> None:
    screen = Screen(command.json)
    if command.folders:
        await folder.run(command, screen)
        return
    if command.protocol in WHOLE:
        await WHOLE[command.protocol](command, screen)
        return
    stopped = asyncio.Event()
    task = asyncio.current_task()

    def interrupted() -> None:
        if stopped.is_set() and task is not None:
            task.cancel()
        stopped.set()

    if command.protocol != "whisper" or command.stream:
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, interrupted)
    await STREAMED[command.protocol](command, screen, stopped)


if __name__ == "__main__":
    sys.exit(main())
