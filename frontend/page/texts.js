// Every word of the page. To translate it, give another language the same keys: it is taken where a browser prefers it.
const en = {
  title: "Speech gateway",
  tabs: "What to do",
  captionsTab: "Captions",
  languageTab: "Language",
  voiceTab: "Voice",
  endpointTab: "End of speech",
  speak: "Speak",
  stop: "Stop",
  listen: "Listen",
  openFile: "Open a recording",
  spoken: "Spoken language",
  serversChoice: "the server's choice",
  detected: "detected",
  level: "Level",
  latency: "Latency",
  heard: "Heard as",
  captionsHint: "Speak, or open a recording. Rest on a word to see how sure it is.",
  saveText: "Save as text",
  saveSrt: "Save as SRT",
  saveVtt: "Save as WebVTT",
  clear: "Clear",
  languageHint: "Say a few sentences: after some seconds the gateway tells which language it is.",
  languageAnswer: (name, percent) => `${name}, ${percent} % sure`,
  voiceHint: "Let the gateway know your voice by some seconds of speech; then it tells whether who speaks is you.",
  enrol: "Enrol my voice",
  verify: "Who speaks?",
  enrolled: (seconds) => `Your voice is known, from ${seconds} s. It is kept on this page only.`,
  sameVoice: "The same voice",
  sameVoiceCourse: "How likely it was the same voice, over time",
  probability: (percent) => `${percent} % the same voice`,
  endpointHint: "Speak, then pause: the gateway tells when you have finished.",
  minimumSpeech: "least speech, ms",
  silence: "silence, ms",
  listening: "Listening…",
  speaking: "Not finished yet…",
  finished: (seconds) => `Finished after ${seconds} s.`,
  transcribing: "Transcribing…",
  confidence: (percent, start) => `${percent} % sure, at ${start} s`,
  key: "Key, if one is needed",
  privacy: "Audio goes to this gateway and nowhere else.",
  seconds: (value) => `${value} s`,
  noMicrophone: "The microphone cannot be used: allow it, and call this page by https or as localhost.",
  refused: "The gateway refused the connection: is a key needed, or is it full?",
  closed: (reason) => `The connection was closed: ${reason}`,
  failed: (reason) => `The gateway answered: ${reason}`,
};

const languages = { en };
const code = navigator.languages.map((each) => each.split("-")[0]).find((each) => each in languages) ?? "en";
export const texts = languages[code];

/** Puts its words into a part of the page. */
export function say(root) {
  document.documentElement.lang = code;
  for (const element of root.querySelectorAll("[data-text]")) element.textContent = texts[element.dataset.text];
  for (const element of root.querySelectorAll("[data-label]")) element.setAttribute("aria-label", texts[element.dataset.label]);
}

export function languageName(tag) {
  try {
    return new Intl.DisplayNames([code], { type: "language" }).of(tag);
  } catch {
    return tag;
  }
}
