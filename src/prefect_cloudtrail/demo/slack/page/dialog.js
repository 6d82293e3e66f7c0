// The dialog in front of a person: a sheet, on a phone the whole screen; and the small question before a click.

import { blocks } from "./draw.js";
import { emojied, mrkdwn, node } from "./mrkdwn.js";

const veil = document.getElementById("modal");
let shown = null;
// What was typed and not yet sent, by view and input: a dialog that the app updates keeps it.
const drafts = new Map();
let errors = {};
let trouble = null;
let sending = false;
let latest = null;
let returnTo = null;

const key = (view, block, part) => `${view.id}/${block.block_id}/${part.action_id}`;

function entered(view, block, part) {
  const draft = drafts.get(key(view, block, part));
  if (draft !== undefined) return draft;
  const kept = view.state.values[block.block_id]?.[part.action_id];
  if (!kept) return undefined;
  return kept.value ?? kept.selected_date ?? kept.selected_user ?? kept.selected_option?.value ?? kept.selected_options?.map((each) => each.value);
}

function filled(view) {
  const values = {};
  for (const block of view.blocks.filter((each) => each.type === "input")) {
    const draft = drafts.get(key(view, block, block.element));
    if (draft !== undefined) values[block.block_id] = { [block.element.action_id]: draft };
  }
  return values;
}

export function showDialog(state, send) {
  const { view } = state;
  latest = { state, send };
  if (!view) {
    if (shown?.id) {
      errors = {};
      trouble = null;
      drafts.clear();
      veil.replaceChildren();
      veil.hidden = true;
      returnTo?.focus?.();
    }
    shown = null;
    return;
  }
  const lost = state.lost.filter(([where]) => where === view.id);
  const said = JSON.stringify([view.id, view.hash, errors, trouble, sending, lost, state.me.id]);
  if (shown?.said === said) return;
  if (shown?.id !== view.id) {
    errors = {};
    trouble = null;
    returnTo = document.activeElement;
  }
  const focus = document.activeElement?.id;
  shown = { id: view.id, said };
  veil.replaceChildren(sheet(view, state, send, lost));
  veil.hidden = false;
  const again = focus && veil.querySelector(`#${CSS.escape(focus)}`);
  (again || veil.querySelector("[role=dialog]")).focus();
}

function sheet(view, state, send, lost) {
  const context = {
    ...state,
    lost: (action) => lost.some(([, , id]) => id === action),
    acts: (action, value) => send("click", { in_view: true, action_id: action, value }),
    confirm: confirmed,
    draft: (block, part) => entered(view, block, part),
    drafts: (block, part, value) => drafts.set(key(view, block, part), value),
    id: (block) => `input-${block.block_id}`,
    errors,
  };
  const close = emojied(view.close?.text ?? "Cancel");
  const leave = () => send("close", {});
  const submit = async (event) => {
    event.preventDefault();
    if (!view.submit || sending) return;
    sending = true;
    errors = {};
    trouble = null;
    redraw();
    const answer = await send("submit", { filled: filled(view) });
    sending = false;
    errors = answer.errors ?? {};
    trouble = answer.trouble ?? answer.error ?? null;
    redraw();
    veil.querySelector("[aria-invalid=true] input, input[aria-invalid=true], textarea[aria-invalid=true]")?.focus();
  };
  const send_ = view.submit ? node("button", { type: "submit", class: "button primary", disabled: sending, "aria-busy": sending ? "true" : null }, emojied(view.submit.text)) : null;
  const title = emojied(view.title.text);
  return node("form", {
    class: "sheet", role: "dialog", "aria-modal": "true", "aria-label": title, tabindex: "-1", novalidate: true, onsubmit: submit,
    onkeydown: (event) => { if (event.key === "Escape") leave(); else trap(event); },
  },
  node("div", { class: "sheet-head" }, node("div", { class: "avatar shade-app", "aria-hidden": "true" }, "CR"), node("h2", {}, title), node("button", { type: "button", class: "icon", "aria-label": "Close the dialog", onclick: leave }, "✕")),
  trouble ? node("p", { class: "trouble", role: "alert" }, trouble) : null,
  node("div", { class: "sheet-body" }, ...blocks(view.blocks, context)),
  node("div", { class: "sheet-foot" }, node("button", { type: "button", class: "button", onclick: leave }, close), send_));
}

function redraw() {
  if (latest?.state.view) showDialog(latest.state, latest.send);
}

// The keyboard stays in the dialog.
function trap(event) {
  if (event.key !== "Tab") return;
  const all = [...event.currentTarget.querySelectorAll("button, input, select, textarea, a")].filter((each) => !each.disabled);
  const [first, last] = [all[0], all.at(-1)];
  if (event.shiftKey && [first, event.currentTarget].includes(document.activeElement)) {
    event.preventDefault();
    last.focus();
  } else if (!event.shiftKey && document.activeElement === last) {
    event.preventDefault();
    first.focus();
  }
}

let asking = null;

export function closeConfirm() {
  asking?.(false);
}

// Returns whether a person confirmed: Slack's `confirm` object of a button or menu.
export function confirmed(confirm) {
  return new Promise((resolve) => {
    const box = node("div", { class: "veil question" });
    asking = (answer) => {
      asking = null;
      box.remove();
      resolve(answer);
    };
    const words = confirm.text.type === "mrkdwn" ? mrkdwn(confirm.text.text, latest.state, true) : [confirm.text.text];
    box.append(node("div", { class: "sheet small", role: "alertdialog", "aria-modal": "true", "aria-label": confirm.title.text },
      node("div", { class: "sheet-head" }, node("h2", {}, confirm.title.text)),
      node("div", { class: "sheet-body text" }, ...words),
      node("div", { class: "sheet-foot" },
        node("button", { type: "button", class: "button", onclick: () => asking(false) }, confirm.deny.text),
        node("button", { type: "button", class: `button ${confirm.style ?? "primary"}`, onclick: () => asking(true) }, confirm.confirm.text))));
    document.body.append(box);
    box.querySelector("button").focus();
  });
}
