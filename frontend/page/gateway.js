import { texts } from "./texts.js";

const key = () => document.getElementById("key").value.trim();

/** A socket of this gateway; a page cannot set headers, so its key travels as a subprotocol. */
export function connect(path, { message, ended }) {
  const socket = new WebSocket(`${location.protocol.replace("http", "ws")}//${location.host}${path}`, key() ? ["token", key()] : []);
  socket.binaryType = "arraybuffer";
  let opened = false;
  socket.onmessage = ({ data }) => message(data);
  socket.onclose = ({ code, reason }) => ended(code === 1000 ? "" : opened ? texts.closed(reason || code) : texts.refused);
  return new Promise((resolve, reject) => {
    socket.onopen = () => { opened = true; resolve(socket); };
    socket.onerror = () => reject(new Error(texts.refused));
  });
}

/** The body of an answer to a request. */
export async function post(path, body, type) {
  const headers = { "Content-Type": type, Accept: "*/*", ...(key() && { key: key() }) };
  const response = await fetch(path, { method: "POST", body, headers });
  const text = await response.text();
  if (response.ok) return text;
  let reason = `${response.status}`;
  try {
    const error = JSON.parse(text);
    reason = error.message ?? error.err_msg ?? error.error ?? reason;
  } catch { /* no words then */ }
  throw new Error(texts.failed(reason));
}
