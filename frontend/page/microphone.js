import { texts } from "./texts.js";

const HIGHEST_RATE = 48000; // what the gateway takes

/** The microphone as 16-bit PCM; `hear(pcm, level)` is called ten times a second. */
export class Microphone {
  static async open(hear) {
    const stream = await ask();
    const wanted = stream.getAudioTracks()[0].getSettings().sampleRate;
    const context = new AudioContext(wanted > HIGHEST_RATE ? { sampleRate: HIGHEST_RATE } : {});
    await context.audioWorklet.addModule("/page/worklet.js");
    const node = new AudioWorkletNode(context, "pcm", { numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit" });
    node.port.onmessage = ({ data }) => hear(data.pcm, data.level);
    context.createMediaStreamSource(stream).connect(node);
    return new Microphone(stream, context);
  }

  constructor(stream, context) {
    this.stream = stream;
    this.context = context;
    this.rate = context.sampleRate;
  }

  close() {
    for (const track of this.stream.getTracks()) track.stop();
    if (this.context.state !== "closed") this.context.close();
  }
}

export async function ask() {
  try {
    return await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1 } });
  } catch {
    throw new Error(texts.noMicrophone);
  }
}
