// Language, voice and end of speech: the sockets and requests that other clients of the gateway use as well.
import { element, ended, failed, toggled } from "./controls.js";
import { connect, post } from "./gateway.js";
import { Microphone, ask } from "./microphone.js";
import { languageName, texts } from "./texts.js";

const BLOB_MILLISECONDS = 2000, ENROL_SECONDS = 8, AVERAGED_SECONDS = 5, COURSE_POINTS = 60;
let template;

export function services() {
  toggled("language-microphone", texts.listen, listenForLanguage);
  toggled("voice-enrol", texts.enrol, enrol);
  toggled("voice-verify", texts.verify, verify);
  toggled("endpoint-microphone", texts.listen, listenForEnd);
}

/** What MediaRecorder makes, blob by blob, until the gateway has heard enough. */
async function listenForLanguage() {
  const recorder = new MediaRecorder(await ask());
  const stop = () => {
    if (recorder.state !== "inactive") recorder.stop();
    for (const track of recorder.stream.getTracks()) track.stop();
  };
  element("language-answer").textContent = texts.listening;
  const socket = await connect("/ws", {
    message: (text) => {
      stop();
      socket.close();
      const { status, data, message } = JSON.parse(text);
      if (status === "success") {
        const percent = Math.round(100 * data.confidence);
        element("language-answer").textContent = texts.languageAnswer(languageName(data.language), percent);
      } else {
        element("language-answer").textContent = "";
        failed(texts.failed(message));
      }
    },
    ended: (reason) => { stop(); ended("language-microphone", reason); },
  }).catch((error) => { stop(); throw error; });
  recorder.ondataavailable = ({ data }) => { if (socket.readyState === WebSocket.OPEN && data.size) socket.send(data); };
  recorder.start(BLOB_MILLISECONDS);
  return () => { stop(); socket.close(); };
}

async function enrol() {
  const blocks = [];
  const microphone = await Microphone.open((pcm) => {
    blocks.push(pcm);
    element("voice-answer").textContent = `${texts.listening} ${(blocks.length / 10).toFixed(0)} / ${ENROL_SECONDS}`;
    if (blocks.length === 10 * ENROL_SECONDS) stop();
  });
  const stop = async () => {
    microphone.close();
    ended("voice-enrol", "");
    try {
      const path = `/voice_template_factory/create_voice_template_from_samples?sample_rate=${microphone.rate}`;
      template = await post(path, new Blob(blocks), "application/octet-stream");
      element("voice-answer").textContent = texts.enrolled((blocks.length / 10).toFixed(0));
      element("voice-verify").disabled = false;
    } catch (error) {
      element("voice-answer").textContent = "";
      failed(error.message);
    }
  };
  return stop;
}

/** A voice socket: each parameter is answered with 200, then each block of audio in its turn. */
async function talk(path, parameters, { button, hear }) {
  let socket, accepted = 0;
  const microphone = await Microphone.open((pcm) => {
    if (accepted === parameters.length + 1 && socket.readyState === WebSocket.OPEN) socket.send(pcm);
  });
  const stop = () => { microphone.close(); socket?.close(1000); };
  const message = (text) => {
    if (text === "500") { failed(texts.failed(text)); stop(); }
    else if (accepted > parameters.length) hear(text, stop);
    else accepted += 1;
  };
  try {
    socket = await connect(path, { message, ended: (reason) => { microphone.close(); ended(button, reason); } });
  } catch (error) {
    microphone.close();
    throw error;
  }
  return { stop, send: (rateAt) => { for (const value of parameters.toSpliced(rateAt, 0, microphone.rate)) socket.send(String(value)); } };
}

async function verify() {
  const course = [];
  const hear = (text) => {
    for (const { verify_result: { probability } } of JSON.parse(text)) {
      course.push(probability);
      show(course.slice(-COURSE_POINTS));
    }
  };
  const { stop, send } = await talk("/voice_verify_stream", [template, AVERAGED_SECONDS], { button: "voice-verify", hear });
  send(1);
  element("voice-answer").textContent = texts.listening;
  return stop;
}

function show(course) {
  const probability = course.at(-1);
  element("voice-probability").value = probability;
  element("voice-answer").textContent = texts.probability(Math.round(100 * probability));
  const points = course.map((value, place) => `${(300 * place) / (COURSE_POINTS - 1)},${60 - 60 * value}`);
  element("voice-course").querySelector("polyline").setAttribute("points", points.join(" "));
}

async function listenForEnd() {
  let blocks = 0;
  const hear = (text, stop) => {
    blocks += 1;
    const finished = text === "true";
    element("endpoint-answer").textContent = finished ? texts.finished((blocks / 10).toFixed(1)) : texts.speaking;
    if (finished) stop();
  };
  const parameters = ["endpoint-minimum", "endpoint-silence"].map((name) => element(name).value);
  const { stop, send } = await talk("/speech_endpoint_detector", parameters, { button: "endpoint-microphone", hear });
  send(2);
  element("endpoint-answer").textContent = texts.listening;
  return stop;
}
