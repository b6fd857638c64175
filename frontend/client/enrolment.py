"""A voice's template, made by the server from recordings or read from a file."""

from pathlib import Path

import aiohttp

from frontend.client.command import Command
from frontend.client.connection import request
from frontend.client.errors import InputError
from frontend.client.recording import Recording

FACTORY = "/voice_template_factory"


async def template(command: Command) -> str:
    """One template, of several recordings the merged one."""
    if command.template is not None:
        return _read(command.template)
    made = [await _create(command, path) for path in command.enrol]
    merged = made[0] if len(made) == 1 else await _merge(command, made)
    if command.save_template is not None:
        try:
            command.save_template.write_text(merged + "\n", encoding="ascii")
        except OSError as e:
            raise InputError(f"cannot write {command.save_template}: {e.strerror}") from e
    return merged


async def _create(command: Command, path: Path) -> str:
    form = aiohttp.FormData()
    form.add_field("audio_file", Recording(path).content(), filename="recording")
    made = await request(command, "POST", f"{FACTORY}/create_voice_template_from_file", data=form)
    return made.decode(errors="replace").strip()


async def _merge(command: Command, templates: list[str]) -> str:
    merged = await request(command, "POST", f"{FACTORY}/merge_voice_templates", json={"templates": templates})
    return merged.decode(errors="replace").strip()


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as e:
        raise InputError(f"cannot read the template {path}") from e
