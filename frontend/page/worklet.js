// In the audio thread: samples as 16-bit PCM, a tenth of a second a message, with how loud it was.
registerProcessor("pcm", class extends AudioWorkletProcessor {
  constructor() {
    super();
    this.block = new Int16Array(Math.round(sampleRate / 10));
    this.filled = 0;
    this.loudest = 0;
  }

  process([[channel]]) {
    for (const sample of channel ?? []) {
      const value = Math.max(-1, Math.min(1, sample));
      this.loudest = Math.max(this.loudest, Math.abs(value));
      this.block[this.filled++] = Math.round(value * 32767);
      if (this.filled === this.block.length) this.tell();
    }
    return true;
  }

  tell() {
    this.port.postMessage({ pcm: this.block.buffer, level: this.loudest }, [this.block.buffer]);
    this.block = new Int16Array(Math.round(sampleRate / 10));
    this.filled = 0;
    this.loudest = 0;
  }
});
