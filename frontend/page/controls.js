import { texts } from "./texts.js";

export const element = (id) => document.getElementById(id);
const running = new Map(); // what stops what a button began

/** Shows what went wrong; nothing where nothing did. */
export function failed(reason) {
  element("trouble").textContent = reason;
  element("trouble").hidden = !reason;
}

/** A button that begins something and ends it. `begin` resolves to what stops it. */
export function toggled(id, label, begin) {
  const button = element(id);
  button.dataset.label = label;
  button.setAttribute("aria-pressed", "false");
  button.onclick = async () => {
    const stop = running.get(id);
    if (stop) return stop();
    failed("");
    button.disabled = true;
    try {
      running.set(id, await begin());
      button.textContent = texts.stop;
      button.setAttribute("aria-pressed", "true");
    } catch (error) {
      failed(error.message);
    } finally {
      button.disabled = false;
    }
  };
}

/** What a button began is over, for this reason if not as it should. */
export function ended(id, reason) {
  running.delete(id);
  const button = element(id);
  button.textContent = button.dataset.label;
  button.setAttribute("aria-pressed", "false");
  if (reason) failed(reason);
}
