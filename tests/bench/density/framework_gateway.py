"""Gateways as they are often written with FastAPI: a socket collects audio, asks a model, and sends what it says.

The model takes no time, so what remains is the framework and its server. `/collecting` asks once a second, as live
transcription does; `/answering` has a reply to each message, as endpoint detection and summaries do. Only its own
packages are imported here.
"""

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

_SECOND_BYTES = 2 * 16_000


async def collect(socket: WebSocket) -> None:
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


async def answer(socket: WebSocket) -> None:
    await socket.accept()
    try:
        while True:
            await socket.send_text(await transcribed(await socket.receive_bytes()))
    except WebSocketDisconnect:
        pass


async def transcribed(audio: bytes) -> str:
    """The null model."""
    return f"{len(audio)} bytes"


app = FastAPI()
app.add_api_websocket_route("/collecting", collect)
app.add_api_websocket_route("/answering", answer)
