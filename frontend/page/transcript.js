import { texts } from "./texts.js";

const DOUBT = 0.6; // below it a word is marked
const text = () => document.getElementById("text");

/** What is certain, shown and kept to be saved. */
export class Transcript {
  constructor() {
    this.lines = [];
    text().onclick = ({ target }) => { if (target.title) tell(target); };
    text().onkeydown = (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      const words = [...text().querySelectorAll("span")];
      const another = event.altKey || event.ctrlKey || event.metaKey || event.shiftKey; // a page back, a choice of text
      if (!step || !words.length || another) return;
      event.preventDefault();
      const at = words.findIndex((word) => word.classList.contains("told"));
      tell(words[Math.max(0, Math.min(words.length - 1, at + step))]);
    };
  }

  add(words) {
    if (!words.length) return;
    this.lines.push(words);
    const line = document.createElement("p");
    for (const word of words) line.append(shown(word), " ");
    document.getElementById("empty").hidden = true;
    text().append(line);
    text().scrollTop = text().scrollHeight;
    this.allow(true);
  }

  clear() {
    this.lines = [];
    for (const line of text().querySelectorAll("p:not(#empty)")) line.remove();
    document.getElementById("empty").hidden = false;
    document.getElementById("captions-word").textContent = "";
    this.allow(false);
  }

  allow(allowed) {
    for (const button of document.querySelectorAll("#downloads button")) button.disabled = !allowed;
  }

  save(format) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([FORMATS[format](this.lines)], { type: "text/plain" }));
    link.download = `captions.${format}`;
    link.click();
    URL.revokeObjectURL(link.href);
  }
}

function shown({ punctuated_word: word, confidence, start }) {
  const element = document.createElement("span");
  element.textContent = word;
  element.title = texts.confidence(Math.round(100 * confidence), start.toFixed(1));
  if (confidence < DOUBT) element.className = "doubtful";
  return element;
}

/** Of one word, for fingers and keys what a mouse learns by resting on it. */
function tell(word) {
  text().querySelector(".told")?.classList.remove("told");
  word.classList.add("told");
  word.scrollIntoView({ block: "nearest" });
  document.getElementById("captions-word").textContent = `${word.textContent} ${word.title}`;
}

const said = (words) => words.map((word) => word.punctuated_word).join(" ");

function clock(seconds, point) {
  const [whole, rest] = [Math.floor(seconds), Math.round((seconds % 1) * 1000)];
  const two = (number) => String(number).padStart(2, "0");
  const [carried, milliseconds] = rest === 1000 ? [whole + 1, 0] : [whole, rest];
  return `${two(Math.floor(carried / 3600))}:${two(Math.floor(carried / 60) % 60)}:${two(carried % 60)}${point}${String(milliseconds).padStart(3, "0")}`;
}

const cue = (words, point) => `${clock(words[0].start, point)} --> ${clock(words.at(-1).end, point)}\n${said(words)}\n`;
const FORMATS = {
  txt: (lines) => lines.map((words) => `${said(words)}\n`).join(""),
  srt: (lines) => lines.map((words, place) => `${place + 1}\n${cue(words, ",")}`).join("\n"),
  vtt: (lines) => `WEBVTT\n\n${lines.map((words) => cue(words, ".")).join("\n")}`,
};
