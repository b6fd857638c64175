// What a page has and Node.js lacks, for programs written for browsers: WebSocket by the package ws, fetch() of files
// in this folder, a file input in which audio.mp3 is chosen once the socket is open, and recording.wav in wavArrayBuffer.
// The page is left, and the process ends, after PAGE_MESSAGES messages (default 1).
const fs = require("fs");
const WS = require("ws");

const bytes = (name) => { const read = fs.readFileSync(name); return read.buffer.slice(read.byteOffset, read.byteOffset + read.length); };
let opened;

globalThis.WebSocket = class extends WS {
  constructor(...address) {
    super(...address);
    let left = Number(process.env.PAGE_MESSAGES || 1);
    opened = new Promise((resolve) => this.on("open", resolve));
    this.on("message", () => --left || setImmediate(() => this.close()));
  }
};
globalThis.fetch = async (name) => ({ arrayBuffer: async () => bytes(name) });
globalThis.document = { getElementById: () => ({ files: ["audio.mp3"] }) };
globalThis.FileReader = class {
  readAsDataURL(name) {
    const result = "data:audio/mpeg;base64," + fs.readFileSync(name).toString("base64");
    opened.then(() => this.onload({ target: { result } }));
  }
};
if (fs.existsSync("recording.wav")) globalThis.wavArrayBuffer = bytes("recording.wav");
