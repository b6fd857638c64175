"""The command line: a subcommand a protocol, each with its protocol's usual port."""

import argparse
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

FORMATS = ("json", "txt", "srt", "vtt")
# A code as ISO 639 has it, perhaps with a region or script behind it.
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
# Verification compares no less at once.
LEAST_SECONDS = 0.5


class Command(argparse.Namespace):
    """What was asked for; a subcommand sets only what it knows."""

    protocol: str
    file: Path | None = None
    files: Sequence[Path] = ()
    sample: bool = False
    host: str
    port: int
    tls: bool
    ca: Path | None = None
    json: bool
    key: str | None = None
    language: str | None = None
    task: str = "transcribe"
    postprocess: bool | None = None
    machine_id: str = "unknown"
    stream: bool = False
    fast: bool = False
    srt: Path | None = None
    vtt: Path | None = None
    srt_dir: Path | None = None
    vtt_dir: Path | None = None
    txt_dir: Path | None = None
    json_dir: Path | None = None
    force: bool = False
    transcript_format: str | None = None
    minimum_ms: int = 300
    silence_ms: int = 500
    enrol: Sequence[Path] = ()
    template: Path | None = None
    save_template: Path | None = None
    averaging: float = 5.0
    window: float | None = None

    @property
    def folders(self) -> Mapping[str, Path]:
        """Where what is made of many recordings goes, by its form."""
        said = {"srt": self.srt_dir, "vtt": self.vtt_dir, "txt": self.txt_dir, "json": self.json_dir}
        return {form: folder for form, folder in said.items() if folder is not None}

    def url(self, scheme: str, path: str) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}{'s' if self.tls else ''}://{host}:{self.port}{path}"


def parse(arguments: Sequence[str] | None = None) -> Command:
    parser = argparse.ArgumentParser(
        prog="python -m frontend.client",
        description="Sends recordings or the microphone to the gateway over any of its wire protocols.",
        epilog="exit status: 0 done, 1 error told by the server, 2 wrong command or input, 3 no server there",
    )
    protocols = parser.add_subparsers(dest="protocol", required=True, metavar="PROTOCOL")
    _language(_protocol(protocols, "language", 8000, "which language is spoken (/ws)"))
    _transcribe(_protocol(protocols, "transcribe", 8765, "one recording to text (/ws/transcribe)"))
    _whisper(_protocol(protocols, "whisper", 8000, "one recording, or a stream in pieces (/ on 8000)"))
    _live(_protocol(protocols, "live", 8394, "live transcription with partial results (/ on 8394)"))
    _endpoint(_protocol(protocols, "endpoint", 8080, "when an utterance ends (/speech_endpoint_detector)"))
    _streamed(_protocol(protocols, "summary", 8080, "how much speech there is (/speech_summary_stream)"))
    _verify(_protocol(protocols, "verify", 8080, "whether a voice is a known one (/voice_verify_stream)"))
    command = parser.parse_args(arguments, Command())
    if len(command.files) == 1:
        command.file = command.files[0]
    _check(parser, command)
    return command


def _check(parser: argparse.ArgumentParser, command: Command) -> None:
    """What is wrong whatever the server's settings are is told before anything is sent."""
    if (command.file or command.files) and command.sample:
        parser.error("--sample is instead of FILE")
    if not (command.file or command.files or command.sample) and command.protocol in ("language", "transcribe"):
        parser.error("the following arguments are required: FILE or --sample")
    _check_folders(parser, command)
    if command.stream and (command.srt or command.vtt):
        parser.error("subtitles need times, which whisper --stream does not send: leave --stream out")
    if not (command.file or command.sample or command.stream) and command.protocol == "whisper":
        parser.error("the microphone needs --stream")
    if command.fast and command.protocol == "whisper" and not command.stream:
        parser.error("--fast is for --stream: a whole file is sent at once anyway")
    if command.ca and not command.tls:
        parser.error("--ca is for --tls")
    if not command.host or "/" in command.host or command.host.count(":") == 1:
        parser.error("--host must be a name or an address alone: its port goes to --port, and https is --tls")
    if not 0 < command.port < 65536:
        parser.error("--port must be between 1 and 65535")
    if command.key is not None and not (command.key and command.key.isprintable()):
        parser.error("--key must be one line of text")
    if command.language is not None:
        _check_language(parser, command)
    if min(command.minimum_ms, command.silence_ms) < 0:
        parser.error("--minimum-ms and --silence-ms must be at least 0")
    if command.protocol == "verify":
        _check_verification(parser, command)


def _check_folders(parser: argparse.ArgumentParser, command: Command) -> None:
    if len(command.files) > 1 and not command.folders:
        parser.error("several recordings need --srt-dir, --vtt-dir, --txt-dir or --json-dir")
    if command.folders and (command.sample or command.srt or command.vtt or command.json):
        parser.error("a folder for what is made of FILEs goes with none of --sample, --srt, --vtt and --json")
    if command.force and not command.folders:
        parser.error("--force is for folders: a single file is always written")


def _check_language(parser: argparse.ArgumentParser, command: Command) -> None:
    detects = command.protocol == "transcribe"
    if not (_LANGUAGE.fullmatch(command.language or "") or (detects and command.language == "auto")):
        parser.error(f"--language must be a code like en{' or auto' if detects else ''}, not {command.language!r}")


def _check_verification(parser: argparse.ArgumentParser, command: Command) -> None:
    if bool(command.enrol) == bool(command.template):
        parser.error("verify needs either --enrol FILE or --template FILE")
    if command.save_template and not command.enrol:
        parser.error("--save-template keeps what --enrol makes: there is nothing to keep")
    if not LEAST_SECONDS <= command.averaging < math.inf:
        parser.error(f"--averaging must be at least {LEAST_SECONDS:g} seconds")
    if command.window is not None and not LEAST_SECONDS <= command.window <= command.averaging:
        parser.error(f"--window must be between {LEAST_SECONDS:g} and --averaging, {command.averaging:g} seconds")


def _protocol(
    protocols: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, port: int, words: str
) -> argparse.ArgumentParser:
    parser = protocols.add_parser(name, help=words, description=words)
    parser.add_argument("--host", default="127.0.0.1", help="default: %(default)s")
    parser.add_argument("--port", type=int, default=port, help="default: %(default)s")
    parser.add_argument("--tls", action="store_true", help="wss and https")
    parser.add_argument(
        "--ca", type=Path, metavar="FILE", help="with --tls: the authority to trust, beside the system's"
    )
    parser.add_argument("--key", help="the API key")
    parser.add_argument("--json", action="store_true", help="print the server's messages, one a line")
    return parser


def _file(parser: argparse.ArgumentParser) -> None:
    _recording(parser, "any recording that FFmpeg decodes")


def _streamed(parser: argparse.ArgumentParser) -> None:
    _recording(parser, "a recording; the microphone without it")


def _recording(parser: argparse.ArgumentParser, words: str) -> None:
    parser.add_argument("file", type=Path, nargs="?", metavar="FILE", help=words)
    _sample(parser)


def _sample(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sample", action="store_true", help="instead of FILE: a person who reads, ten seconds")


def _subtitles(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--srt", type=Path, metavar="FILE", help="write subtitles in SubRip's format")
    parser.add_argument("--vtt", type=Path, metavar="FILE", help="write subtitles in WebVTT")


def _language(parser: argparse.ArgumentParser) -> None:
    _file(parser)


def _transcribe(parser: argparse.ArgumentParser) -> None:
    words = "recordings that FFmpeg decodes; several with a folder for what is made of them"
    parser.add_argument("files", type=Path, nargs="*", metavar="FILE", help=words)
    _sample(parser)
    _subtitles(parser)
    for form in ("srt", "vtt", "txt", "json"):
        words = f"write a {form} file of each recording's name into this folder"
        parser.add_argument(f"--{form}-dir", type=Path, metavar="DIR", help=words)
    parser.add_argument(
        "--force", action="store_true", help="also the recordings whose files are in the folders already"
    )
    parser.add_argument("--language", help='a code like "en", or "auto"; the server takes English without it')
    parser.add_argument("--task", choices=("transcribe", "translate"), default="transcribe")
    parser.add_argument("--machine-id", default="unknown", help="under which the server counts the request")
    parser.add_argument("--postprocess", action=argparse.BooleanOptionalAction, help="correction by a language model")


def _whisper(parser: argparse.ArgumentParser) -> None:
    _streamed(parser)
    _subtitles(parser)
    parser.add_argument("--language", help="a code like en; detected without it")
    parser.add_argument("--stream", action="store_true", help="send in pieces, in real time, with partial results")
    parser.add_argument("--fast", action="store_true", help="with --stream: as fast as the network takes it")


def _live(parser: argparse.ArgumentParser) -> None:
    _streamed(parser)
    _subtitles(parser)
    parser.add_argument("--fast", action="store_true", help="as fast as the network takes it, not in real time")
    parser.add_argument("--language", help="a code like en; the server's own choice without it")
    parser.add_argument("--transcript-format", choices=FORMATS, help="print the export of the stream in this format")


def _endpoint(parser: argparse.ArgumentParser) -> None:
    _streamed(parser)
    parser.add_argument("--minimum-ms", type=int, default=300, help="speech before an end counts (%(default)s)")
    parser.add_argument("--silence-ms", type=int, default=500, help="silence that makes an end (%(default)s)")


def _verify(parser: argparse.ArgumentParser) -> None:
    _streamed(parser)
    parser.add_argument(
        "--enrol", type=Path, action="append", default=[], metavar="FILE", help="a recording of the voice; repeatable"
    )
    parser.add_argument("--template", type=Path, metavar="FILE", help="the voice's template instead, as base64 text")
    parser.add_argument("--save-template", type=Path, metavar="FILE", help="keep the template for --template")
    parser.add_argument("--averaging", type=float, default=5.0, metavar="S", help="seconds that a score averages")
    parser.add_argument("--window", type=float, metavar="S", help="seconds of one comparison")
