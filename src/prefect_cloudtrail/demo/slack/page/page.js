// One person's Slack: channels, messages, threads and dialogs, followed live.

import { blocks } from "./draw.js";
import { showDialog, closeConfirm, confirmed } from "./dialog.js";
import { mrkdwn, node, preview } from "./mrkdwn.js";

const query = new URLSearchParams(window.location.search);
const find = (id) => document.getElementById(id);
const PUSH_SECONDS = 8;

let state = null;
let open = { channel: query.get("channel"), thread: query.get("thread_ts") ?? query.get("thread") };
const linked = query.get("ts");
let user = query.get("as");
// Drawn messages by where they stand: what has not changed is not drawn anew, so an open menu stays open.
const drawn = new Map();
const readUntil = new Map();
let pushed = null;
let pushEnds = 0;

export async function send(what, given) {
  const answer = await fetch(`page/${what}`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ user, ...given }) });
  return answer.json();
}

// --- theme ------------------------------------------------------------------------------------------------------------

function dark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : window.matchMedia("(prefers-color-scheme: dark)").matches;
}

if (["dark", "light"].includes(query.get("theme"))) document.documentElement.dataset.theme = query.get("theme");
find("theme").addEventListener("click", () => {
  document.documentElement.dataset.theme = dark() ? "light" : "dark";
});

// --- what there is ----------------------------------------------------------------------------------------------------

const channel = () => state.channels.find((each) => each.id === open.channel);
const nameOf = (each) => (each.is_im ? "CloudTrail response" : each.name);
const clock = (ts) => new Date(Number(ts) * 1000).toLocaleTimeString([], { hour: "numeric", minute: "2-digit" });
const dayOf = (ts) => new Date(Number(ts) * 1000).toLocaleDateString("en-US", { weekday: "long", month: "long", day: "numeric" });

function remember() {
  const now = new URLSearchParams(window.location.search);
  now.set("as", user);
  if (open.channel) now.set("channel", open.channel);
  if (open.thread) now.set("thread", open.thread);
  else now.delete("thread");
  now.delete("thread_ts");
  window.history.replaceState(null, "", `?${now}`);
}

function latest(each) {
  const replies = Object.values(each.threads).flat();
  return [...each.messages, ...replies, ...each.only_you].map((one) => one.ts).sort().at(-1) ?? "0";
}

// --- messages ---------------------------------------------------------------------------------------------------------

function avatar(person) {
  const initials = person.real_name.split(" ").map((each) => each[0]).join("").slice(0, 2).toUpperCase();
  const hue = [...person.id].reduce((sum, each) => (sum * 31 + each.charCodeAt(0)) % 360, 7);
  const shade = Math.round(hue / 45) % 8;
  return node("div", { class: `avatar shade-${person.is_bot ? "app" : shade}`, "aria-hidden": "true" }, initials);
}

function contextOf(message, where) {
  return {
    ...state,
    lost: (action) => state.lost.some(([here, ts, id]) => here === where && ts === message.ts && id === action),
    acts: (action, value) => send("click", { channel: where, ts: message.ts, action_id: action, value }),
    confirm: confirmed,
  };
}

function draw(message, where, inThread) {
  const person = state.users[message.user];
  const context = contextOf(message, where);
  const said = message.blocks ? blocks(message.blocks, context) : [node("div", { class: "block text" }, ...mrkdwn(message.text, state))];
  const head = node("div", { class: "who" }, node("strong", {}, person.real_name), person.is_bot ? node("span", { class: "app" }, "APP") : null,
    node("time", { title: new Date(Number(message.ts) * 1000).toString() }, clock(message.ts)));
  const body = node("div", { class: "said" }, head, ...said);
  if (message.is_ephemeral) {
    body.prepend(node("p", { class: "only-you" }, "Only visible to you"));
    body.append(node("button", { type: "button", class: "dismiss", onclick: () => send("dismiss", { ts: message.ts }) }, "Dismiss message"));
  }
  if (message.reply_count && !inThread) {
    const count = message.reply_count === 1 ? "1 reply" : `${message.reply_count} replies`;
    body.append(node("button", { type: "button", class: "replies", onclick: () => openThread(message.ts) }, node("strong", {}, count), ` Last reply ${clock(message.latest_reply)}`));
  } else if (!inThread && !message.is_ephemeral) {
    body.append(node("button", { type: "button", class: "start", onclick: () => openThread(message.ts) }, "Reply in thread"));
  }
  const label = `${person.real_name}, ${clock(message.ts)}`;
  return node("article", { class: message.is_ephemeral ? "message ephemeral" : "message", "aria-label": label, "data-ts": message.ts }, avatar(person), body);
}

// Puts the messages into a list, drawing only what is new or has changed.
function fill(list, messages, where, inThread) {
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 80;
  const before = list.dataset.shows;
  const wanted = [];
  let day = null;
  for (const message of messages) {
    if (!inThread && dayOf(message.ts) !== day) {
      day = dayOf(message.ts);
      wanted.push(kept(`${where}/${day}`, day, () => node("div", { class: "day" }, node("span", {}, day))));
    }
    const lost = state.lost.filter(([here, ts]) => here === where && ts === message.ts);
    const said = JSON.stringify([message, lost, user]);
    wanted.push(kept(`${inThread ? "thread" : "channel"}/${where}/${message.ts}`, said, () => draw(message, where, inThread)));
    if (inThread && message === messages[0] && messages.length > 1) {
      const count = messages.length === 2 ? "1 reply" : `${messages.length - 1} replies`;
      wanted.push(kept(`${where}/${message.ts}/count`, count, () => node("div", { class: "day count" }, node("span", {}, count))));
    }
  }
  if (wanted.length !== list.children.length || wanted.some((each, number) => each !== list.children[number])) list.replaceChildren(...wanted);
  list.dataset.shows = `${where}/${user}/${inThread ? open.thread : ""}`;
  if (before !== list.dataset.shows) show(list, inThread ? null : linked);
  else if (atEnd) list.scrollTop = list.scrollHeight;
}

// Begins at the message that a link names; else at the end, but no further down than where the newest message begins.
function show(list, ts) {
  const named = ts && list.querySelector(`[data-ts="${CSS.escape(ts)}"]`);
  const from = named ?? list.lastElementChild;
  if (from) list.scrollTop = named ? named.offsetTop : Math.min(list.scrollHeight, from.offsetTop);
}

function kept(key, said, make) {
  const known = drawn.get(key);
  if (known?.said === said) return known.made;
  const made = make();
  drawn.set(key, { said, made });
  return made;
}

// --- the whole --------------------------------------------------------------------------------------------------------

function openChannel(id) {
  open = { channel: id, thread: null };
  document.body.classList.remove("drawer");
  render();
}

function openThread(ts) {
  open.thread = ts;
  render();
}

function entry(each) {
  const unread = each.id !== open.channel && latest(each) > (readUntil.get(each.id) ?? "0");
  const name = each.is_im ? nameOf(each) : `# ${each.name}`;
  return node("li", {}, node("button", { type: "button", class: unread ? "unread" : "", "aria-current": each.id === open.channel ? "page" : null, onclick: () => openChannel(each.id) }, name));
}

function render() {
  const here = channel() ?? state.channels[0];
  open.channel = here?.id ?? null;
  remember();
  document.title = here ? `${nameOf(here)} – Local Slack` : "Local Slack";
  find("team").textContent = state.team;
  find("channels").replaceChildren(...state.channels.filter((each) => !each.is_im).map(entry));
  find("directs").replaceChildren(...state.channels.filter((each) => each.is_im).map(entry));
  const people = Object.values(state.users).filter((each) => !each.is_bot && !each.deleted);
  find("me").replaceChildren(...people.map((each) => node("option", { value: each.id, selected: each.id === user }, each.real_name)));
  if (!here) return;
  readUntil.set(here.id, latest(here));
  find("title").textContent = here.is_im ? nameOf(here) : `# ${here.name}`;
  find("count").textContent = here.is_im ? "Direct message" : `${here.num_members} members`;
  find("text").placeholder = `Message ${here.is_im ? nameOf(here) : `#${here.name}`}`;
  const inThread = (each) => each.thread_ts && each.thread_ts !== each.ts;
  const only = here.only_you.filter((each) => !inThread(each));
  fill(find("messages"), [...here.messages, ...only].sort((one, other) => (one.ts < other.ts ? -1 : 1)), here.id, false);
  renderThread(here);
  showDialog(state, send);
  showPush();
}

function renderThread(here) {
  const root = here.messages.find((each) => each.ts === open.thread);
  find("thread").hidden = !root;
  document.body.classList.toggle("threaded", Boolean(root));
  if (!root) return;
  find("thread-of").textContent = here.is_im ? nameOf(here) : `# ${here.name}`;
  find("reply-text").placeholder = "Reply…";
  const only = here.only_you.filter((each) => each.thread_ts === root.ts);
  const replies = [...(here.threads[root.ts] ?? []), ...only].sort((one, other) => (one.ts < other.ts ? -1 : 1));
  fill(find("replies"), [root, ...replies], here.id, true);
}

// A lock screen's strip: the newest thing somebody else said, as a phone would show it.
function showPush() {
  if (query.get("push") === "0") return;
  const all = state.channels.flatMap((each) => [...each.messages, ...Object.values(each.threads).flat(), ...each.only_you].map((one) => ({ ...one, in: each })));
  const newest = all.filter((each) => each.user !== user).sort((one, other) => (one.ts < other.ts ? -1 : 1)).at(-1);
  if (!newest || (pushed && newest.ts <= pushed)) return;
  pushed = newest.ts;
  pushEnds = Date.now() + PUSH_SECONDS * 1000;
  const strip = find("push");
  strip.replaceChildren(node("span", { class: "from" }, `${state.team} · ${newest.in.is_im ? nameOf(newest.in) : `#${newest.in.name}`}`), node("span", { class: "words" }, preview(newest.text, state)));
  strip.hidden = false;
  window.setTimeout(() => {
    if (Date.now() >= pushEnds) strip.hidden = true;
  }, PUSH_SECONDS * 1000 + 50);
}

let asked = false;
let again = false;

async function refresh() {
  if (asked) {
    again = true;
    return;
  }
  asked = true;
  const answer = await fetch(`page/state?as=${encodeURIComponent(user ?? "")}`);
  asked = false;
  if (answer.ok) {
    state = await answer.json();
    render();
  } else if (answer.status === 404 && user !== DEFAULT) {
    user = DEFAULT;
    again = true;
  }
  if (again) {
    again = false;
    await refresh();
  }
}

const DEFAULT = "U0MAYA00001";
user ??= DEFAULT;

find("me").addEventListener("change", (event) => {
  user = event.target.value;
  open.thread = null;
  closeConfirm();
  refresh();
});
find("push").addEventListener("click", () => { find("push").hidden = true; });
find("drawer").addEventListener("click", () => document.body.classList.add("drawer"));
find("scrim").addEventListener("click", () => document.body.classList.remove("drawer"));
for (const id of ["back", "leave"]) find(id).addEventListener("click", () => openThread(null));
for (const [form, field, thread] of [["composer", "text", false], ["reply", "reply-text", true]]) {
  find(form).addEventListener("submit", (event) => {
    event.preventDefault();
    const text = find(field).value.trim();
    find(field).value = "";
    if (text) send("say", { channel: open.channel, text, thread_ts: thread ? open.thread : null });
  });
}

const follow = new EventSource("page/events");
follow.addEventListener("message", refresh);
