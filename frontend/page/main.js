import { captions } from "./captions.js";
import { element } from "./controls.js";
import { services } from "./services.js";
import { languageName, say } from "./texts.js";

function tabs() {
  const all = [...document.querySelectorAll("[role=tab]")];
  const choose = (tab) => {
    for (const each of all) {
      const chosen = each === tab;
      each.setAttribute("aria-selected", String(chosen));
      each.tabIndex = chosen ? 0 : -1;
      element(each.getAttribute("aria-controls")).hidden = !chosen;
    }
  };
  all.forEach((tab, place) => {
    tab.onclick = () => choose(tab);
    tab.onkeydown = ({ key }) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
      if (!step) return;
      const next = all[(place + step + all.length) % all.length];
      choose(next);
      next.focus();
    };
  });
}

say(document);
for (const option of document.querySelectorAll("option[value]:empty")) option.textContent = languageName(option.value);
tabs();
captions();
services();
