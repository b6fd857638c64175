"""All wire protocols. A new one is a file in this folder and a line here."""

from frontend.protocols.base import WireProtocol
from frontend.protocols.deepgram import Deepgram
from frontend.protocols.endpoint import SpeechEndpoint, SpeechEndpointOpus
from frontend.protocols.language import LanguageDetection
from frontend.protocols.live import LiveTranscription
from frontend.protocols.realtime import Realtime
from frontend.protocols.summary import SpeechSummaryStream, SpeechSummaryStreamOpus
from frontend.protocols.transcribe import Transcribe
from frontend.protocols.verify import VoiceVerifyStream, VoiceVerifyStreamOpus
from frontend.protocols.vosk import Vosk
from frontend.protocols.whisper import Whisper
from frontend.protocols.wyoming import Wyoming

PROTOCOLS: tuple[type[WireProtocol], ...] = (
    SpeechEndpoint,
    SpeechEndpointOpus,
    SpeechSummaryStream,
    SpeechSummaryStreamOpus,
    VoiceVerifyStream,
    VoiceVerifyStreamOpus,
    LanguageDetection,
    Transcribe,
    Whisper,
    LiveTranscription,
    Vosk,
    Realtime,
    Deepgram,
    Wyoming,
)
# Those that are served at a path.
WEBSOCKETS = tuple(each for each in PROTOCOLS if each.profile.transport == "websocket")
