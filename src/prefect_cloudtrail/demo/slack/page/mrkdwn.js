// Slack's mrkdwn as DOM nodes. Whatever a message says becomes text nodes: nothing of it can become HTML.

const EMOJI = {
  warning: "⚠️", white_check_mark: "✅", heavy_check_mark: "✔️", x: "❌", rotating_light: "🚨", lock: "🔒", unlock: "🔓",
  key: "🔑", hourglass_flowing_sand: "⏳", eyes: "👀", mag: "🔍", no_entry: "⛔", no_entry_sign: "🚫", red_circle: "🔴",
  large_orange_circle: "🟠", large_yellow_circle: "🟡", large_green_circle: "🟢", white_circle: "⚪", bell: "🔔",
  no_bell: "🔕", shield: "🛡️", information_source: "ℹ️", thumbsup: "👍", "+1": "👍", question: "❓",
  leftwards_arrow_with_hook: "↩️", arrow_right: "➡️", clock1: "🕐", fire: "🔥", bust_in_silhouette: "👤", robot_face: "🤖",
};

export function node(tag, options = {}, ...inside) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") made.className = value;
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...inside.filter((each) => each !== null && each !== undefined));
  return made;
}

export const decoded = (text) => text.replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&");
export const emojied = (text) => text.replace(/:([a-z0-9_+-]+):/g, (all, name) => EMOJI[name] ?? all);

export function link(url, text) {
  // A link that is no web or mail address stays text.
  if (!/^(https?:|mailto:)/i.test(url)) return document.createTextNode(text ?? url);
  return node("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, text ?? url);
}

export const mention = (text, own) => node("span", { class: own ? "mention own" : "mention" }, text);

export function userMention(id, context, label) {
  const user = context.users[id];
  return mention(`@${user ? user.real_name : label ?? id}`, id === context.me.id);
}

export function groupMention(id, context, label) {
  const group = context.groups[id];
  return mention(group ? `@${group.handle}` : label ?? `@${id}`, false);
}

export function date(seconds, format, fallback) {
  const when = new Date(Number(seconds) * 1000);
  if (Number.isNaN(when.getTime())) return fallback ?? "";
  const day = (options) => when.toLocaleDateString("en-US", options);
  const time = (options) => when.toLocaleTimeString([], { hour: "numeric", minute: "2-digit", ...options });
  const long = () => day({ weekday: "long", month: "long", day: "numeric", year: "numeric" });
  const short = () => day({ month: "short", day: "numeric", year: "numeric" });
  const middle = () => day({ month: "long", day: "numeric", year: "numeric" });
  const pretty = (otherwise) => () => near(when) ?? otherwise();
  const minutes = Math.round((Date.now() - when.getTime()) / 60000);
  const parts = {
    date_num: () => when.toISOString().slice(0, 10),
    date_slash: () => day({ month: "2-digit", day: "2-digit", year: "numeric" }),
    date: middle, date_long: long, date_short: short,
    date_pretty: pretty(middle), date_short_pretty: pretty(short), date_long_pretty: pretty(long),
    time: () => time({}), time_secs: () => time({ second: "2-digit" }),
    ago: () => (minutes < 60 ? `${minutes} minutes ago` : `${Math.round(minutes / 60)} hours ago`),
  };
  return format.replace(/\{(\w+)\}/g, (all, name) => (parts[name] ? parts[name]() : all));
}

function near(when) {
  const midnight = (date) => new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
  const days = Math.round((midnight(when) - midnight(new Date())) / 86400000);
  return { "-1": "yesterday", 0: "today", 1: "tomorrow" }[days];
}

// What stands between angle brackets.
function angled(inside, context) {
  const [what, label] = split(inside, "|");
  if (what.startsWith("@")) return userMention(what.slice(1), context, label);
  if (what.startsWith("#")) {
    const channel = context.channels.find((each) => each.id === what.slice(1));
    return mention(`#${channel?.name ?? label ?? what.slice(1)}`, false);
  }
  if (what.startsWith("!subteam^")) return groupMention(what.slice(9), context, label);
  if (what.startsWith("!date^")) {
    const [, seconds, format, url] = what.split("^");
    const text = date(seconds, decoded(format ?? ""), label && decoded(label));
    const made = node("time", { title: new Date(Number(seconds) * 1000).toUTCString() }, text);
    return url ? link(decoded(url), text) : made;
  }
  if (what.startsWith("!")) return mention(`@${what.slice(1)}`, true);
  return link(decoded(what), label === undefined ? undefined : decoded(label));
}

function split(text, at) {
  const found = text.indexOf(at);
  return found < 0 ? [text, undefined] : [text.slice(0, found), text.slice(found + 1)];
}

const MARKS = { "*": "strong", _: "em", "~": "s" };
const MEANT = /^<(?:[@#!]|https?:|mailto:)[^>]*>$/i;
const WORD = /[\p{L}\p{N}]/u;

// Where the mark at `start` ends, or -1: as in Slack, words must stand free of it outside and touch it inside.
function closing(text, start) {
  const mark = text[start];
  if ((start > 0 && WORD.test(text[start - 1])) || /[\s]|^$/.test(text[start + 1] ?? "")) return -1;
  for (let at = start + 2; at < text.length; at += 1) {
    if (text[at] === "\n") return -1;
    if (text[at] === "<") {
      const end = text.indexOf(">", at);
      if (end > 0) at = end;
    } else if (text[at] === "`") {
      const end = text.indexOf("`", at + 1);
      if (end > 0) at = end;
    } else if (text[at] === mark && !/\s/.test(text[at - 1]) && !WORD.test(text[at + 1] ?? "")) return at;
  }
  return -1;
}

function inline(text, context, verbatim) {
  const made = [];
  let plain = "";
  const flush = () => {
    if (plain) made.push(...bare(plain, verbatim));
    plain = "";
  };
  for (let at = 0; at < text.length; at += 1) {
    const end = text[at] === "<" ? text.indexOf(">", at) : text[at] === "`" ? text.indexOf("`", at + 1)
      : text[at] in MARKS ? closing(text, at) : -1;
    // Brackets around nothing that Slack knows are only brackets.
    if (end <= at + 1 || (text[at] === "<" && !MEANT.test(text.slice(at, end + 1)))) {
      plain += text[at];
      continue;
    }
    flush();
    const inside = text.slice(at + 1, end);
    if (text[at] === "<") made.push(angled(inside, context));
    else if (text[at] === "`") made.push(node("code", {}, ...codeParts(inside, context)));
    else made.push(node(MARKS[text[at]], {}, ...inline(inside, context, verbatim)));
    at = end;
  }
  flush();
  return made;
}

// In code nothing is marked, but what stands in angle brackets is still shown as what it means.
function codeParts(text, context) {
  return text.split(/(<[^>]+>)/).filter(Boolean).map((each) => (MEANT.test(each) ? angled(each.slice(1, -1), context) : decoded(each)));
}

function bare(text, verbatim) {
  const shown = emojied(decoded(text));
  if (verbatim) return [shown];
  return shown.split(/(https?:\/\/[^\s<>]+)/).filter(Boolean).map((each) => (/^https?:\/\//.test(each) ? link(each) : each));
}

// Returns nodes; lines stay lines through `white-space: pre-wrap`.
export function mrkdwn(text, context, verbatim = false) {
  const made = [];
  text.split(/```\n?([\s\S]*?)```\n?/).forEach((part, number) => {
    if (number % 2) {
      made.push(node("pre", {}, ...codeParts(part.replace(/\n$/, ""), context)));
      return;
    }
    let quoted = [];
    let plain = [];
    const close = () => {
      if (quoted.length) made.push(node("blockquote", {}, ...inline(quoted.join("\n"), context, verbatim)));
      if (plain.length) made.push(...inline(plain.join("\n"), context, verbatim));
      [quoted, plain] = [[], []];
    };
    for (const line of part.split("\n")) {
      const quote = /^(?:>|&gt;) ?(.*)$/.exec(line);
      if (Boolean(quote) !== Boolean(quoted.length) && (quoted.length || plain.length)) close();
      if (quote) quoted.push(quote[1]);
      else plain.push(line);
    }
    close();
  });
  return made;
}

// What a lock screen shows of a text: no markup, names for ids, at most 150 characters.
export function preview(text, context) {
  const whole = node("div", {}, ...mrkdwn(text, context, true)).textContent.replace(/\s+/g, " ").trim();
  const characters = [...whole];
  return characters.length > 150 ? `${characters.slice(0, 149).join("")}…` : whole;
}
