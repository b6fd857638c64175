"""A gateway as it is often written with FastAPI: a socket collects a second of audio, asks a model, sends what it says.

The model takes no time and nothing else is sent, so what remains is the framework and its server. Only its own packages
are imported here.
"""

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

_SECOND_BYTES = 2 * 16_000


async def talk(socket: WebSocket) -> None:
    await socket.accept()
    audio = bytearray()
    try:
        while True:
            audio += await socket.receive_bytes()
            if len(audio) >= _SECOND_BYTES:
                await socket.send_text(await transcribed(bytes(audio)))
                audio.clear()
    except WebSocketDisconnect:
        pass


async def transcribed(audio: bytes) -> str:
    """The null model."""
    return f"{len(audio)} bytes"


app = FastAPI()
app.add_api_websocket_route("/", talk)
