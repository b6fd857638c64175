"""The programs that the five services published for their users, word for word.

Line breaks and indentation that were lost in publishing are put back; hosts and ports are replaced when they run.
"""

LANGUAGE_JAVASCRIPT = """
const ws = new WebSocket('wss://languagedetection-9l89.onrender.com/ws');

ws.onopen = () => {
  console.log('WebSocket connected');

  // Send audio buffer
  fetch('audio.mp4')
    .then(res => res.arrayBuffer())
    .then(buffer => ws.send(buffer));
};

ws.onmessage = (event) => {
  const response = JSON.parse(event.data);

  if (response.status === 'success') {
    console.log('Language:', response.data.language);
    console.log('Processing time:', response.data.processing_time, 's');
  } else {
    console.error('Error:', response.message);
  }
};

ws.onerror = (error) => {
  console.error('WebSocket error:', error);
};

ws.onclose = () => {
  console.log('WebSocket disconnected');
};
"""

LANGUAGE_PYTHON = """
import asyncio
import websockets
import json

async def detect_language(audio_file_path):
    uri = "wss://languagedetection-9l89.onrender.com/ws"

    async with websockets.connect(uri) as websocket:
        # Read and send audio file
        with open(audio_file_path, 'rb') as f:
            audio_data = f.read()
            await websocket.send(audio_data)

        # Receive response
        response = await websocket.recv()
        result = json.loads(response)

        if result['status'] == 'success':
            print(f"Language: {result['data']['language']}")
            print(f"Processing time: {result['data']['processing_time']}s")
        else:
            print(f"Error: {result['message']}")

asyncio.run(detect_language('audio.mp4'))
"""

TRANSCRIBE_PYTHON = """
import json, io
import soundfile as sf
from websockets.sync.client import connect

audio, sr = sf.read("recording.wav", dtype="float32")

with connect("ws://localhost:8765/ws/transcribe") as ws:
    ws.send(json.dumps({
        "type": "transcribe",
        "language": "bg",
        "task": "transcribe",
        "api_key": "your-key",
        "machine_id": "a1b2c3...",
    }))

    buf = io.BytesIO()
    sf.write(buf, audio, sr, format="WAV")
    ws.send(buf.getvalue())

    result = json.loads(ws.recv())
    text = result.get("postprocessed_text") or result["text"]
    print(text)
"""

TRANSCRIBE_JAVASCRIPT = """
const ws = new WebSocket("ws://localhost:8765/ws/transcribe");

ws.onopen = () => {
  ws.send(JSON.stringify({
    type: "transcribe",
    language: "bg",
    api_key: "your-key",
  }));
  ws.send(wavArrayBuffer);
};

ws.onmessage = (event) => {
  const result = JSON.parse(event.data);
  const text = result.postprocessed_text || result.text;
  console.log(text);
};
"""

WHISPER_JAVASCRIPT = """
const ws = new WebSocket('ws://your-server:8000');

ws.onopen = () => {
    console.log('Connected');
};

ws.onmessage = (event) => {
    const data = JSON.parse(event.data);
    console.log('Transcript:', data.text);
};

// Send file
const file = document.getElementById('fileInput').files[0];
const reader = new FileReader();
reader.onload = (e) => {
    const base64Audio = e.target.result.split(',')[1];
    ws.send(JSON.stringify({
        type: 'file',
        audio: base64Audio,
        format: 'mp3'
    }));
};
reader.readAsDataURL(file);
"""

WHISPER_PYTHON = """
import asyncio
import websockets
import json
import base64

async def transcribe():
    uri = "ws://your-server:8000"
    async with websockets.connect(uri) as ws:
        # Read audio file
        with open('audio.mp3', 'rb') as f:
            audio_data = base64.b64encode(f.read()).decode()

        # Send for transcription
        await ws.send(json.dumps({
            'type': 'file',
            'audio': audio_data,
            'format': 'mp3'
        }))

        # Get result
        response = await ws.recv()
        result = json.loads(response)
        print(result['text'])

asyncio.run(transcribe())
"""

VOICE_PYTHON = """
connection = create_ws_connection("<WebSocket endpoint>")

# Assuming that this endpoint requires signal sampling rate
# parameter for initialization

sample_rate = 16000

# Send parameter as string
connection.send(str(sample_rate))

# Receive result code ("200" on success, "500" on failure)
result_code = connection.receive()

# Its assumed that this object yeilds byte array chunks
pcm16_audio_stream_source = create_audio_stream_source()

# You may receive results as soon as they've been produce
while pcm16_audio_stream_source.has_data():
   chunk_to_send = pcm16_audio_stream_source.get_next_chunk()

   connection.send(chunk_to_send)

   result = connection.receive()

   print(result)

# Or you may receive all the results at once
while pcm16_audio_stream_source.has_data():
   chunk_to_send = pcm16_audio_stream_source.get_next_chunk()
   connection.send(chunk_to_send)

while conenction.can_receive():
   result = connection.receive()
   print(result)
"""
