import { element, ended, failed, toggled } from "./controls.js";
import { connect, post } from "./gateway.js";
import { Microphone } from "./microphone.js";
import { languageName, texts } from "./texts.js";
import { Transcript } from "./transcript.js";

const transcript = new Transcript();

export function captions() {
  toggled("captions-microphone", texts.speak, begin);
  element("captions-file").onchange = ({ target }) => { if (target.files[0]) open(target.files[0]); target.value = ""; };
  element("captions-clear").onclick = () => transcript.clear();
  for (const button of document.querySelectorAll("[data-format]")) button.onclick = () => transcript.save(button.dataset.format);
}

const language = () => (element("captions-language").value ? `&language=${element("captions-language").value}` : "");

/** Live: what is certain becomes a line, the rest stands below until it is. Resolves to what ends it. */
async function begin() {
  let socket, startedAt;
  const microphone = await Microphone.open((pcm, level) => {
    element("captions-level").value = level;
    if (socket?.readyState !== WebSocket.OPEN) return;
    startedAt ??= performance.now() - 100; // when what is in the first block began
    socket.send(pcm);
  });
  const stop = () => {
    microphone.close();
    element("captions-level").value = 0;
    if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ type: "CloseStream" }));
  };
  const over = (reason) => { microphone.close(); element("partial").textContent = ""; ended("captions-microphone", reason); };
  const query = `encoding=linear16&sample_rate=${microphone.rate}&interim_results=true&smart_format=true${language()}`;
  try {
    socket = await connect(`/v1/listen?${query}`, { message: (data) => tell(JSON.parse(data), startedAt), ended: over });
  } catch (error) {
    microphone.close();
    throw error;
  }
  return stop;
}

function tell(message, startedAt) {
  if (message.type !== "Results") return;
  const { words, transcript: text, languages } = message.channel.alternatives[0];
  if (!message.is_final) {
    element("partial").textContent = text;
    return;
  }
  element("partial").textContent = "";
  transcript.add(words);
  const late = performance.now() - startedAt - 1000 * (message.start + message.duration);
  if (words.length && startedAt) element("captions-latency").textContent = texts.seconds(Math.max(0, late / 1000).toFixed(1));
  if (languages?.length) element("captions-heard").textContent = languageName(languages[0]);
}

async function open(file) {
  failed("");
  element("partial").textContent = texts.transcribing;
  try {
    const query = `smart_format=true&utterances=true${language() || "&detect_language=true"}`.replace("&language=multi", "&detect_language=true");
    const heard = JSON.parse(await post(`/v1/listen?${query}`, file, file.type || "application/octet-stream"));
    const [channel] = heard.results.channels;
    for (const utterance of heard.results.utterances ?? []) transcript.add(utterance.words);
    if (channel.detected_language) element("captions-heard").textContent = languageName(channel.detected_language);
  } catch (error) {
    failed(error.message);
  } finally {
    element("partial").textContent = "";
  }
}
