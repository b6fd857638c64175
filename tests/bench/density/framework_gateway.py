"""A gateway as it is often written with FastAPI: it collects one second of audio, asks a model, and sends what it says.

Its model takes no time, so what remains is the framework and its server. Only its own packages are imported here.
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
app.add_api_websocket_route("/{path:path}", talk)
