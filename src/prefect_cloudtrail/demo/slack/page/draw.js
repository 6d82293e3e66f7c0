// Block Kit as DOM nodes. A `context` brings who looks, who is known, and what a click does.

import { date, emojied, groupMention, link, mention, mrkdwn, node, userMention } from "./mrkdwn.js";

export function textObject(text, context) {
  if (text.type === "mrkdwn") return mrkdwn(text.text, context, text.verbatim);
  return [text.emoji === false ? text.text : emojied(text.text)];
}

const plain = (text) => (text ? emojied(text.text) : "");

const DRAW = {
  header: (block, context) => node("h3", { class: "block header" }, ...textObject(block.text, context)),
  divider: () => node("hr", { class: "block" }),
  section(block, context) {
    const made = node("div", { class: "block section" });
    const body = node("div", { class: "body" });
    if (block.text) body.append(node("div", { class: "text" }, ...textObject(block.text, context)));
    if (block.fields) {
      body.append(node("div", { class: "fields" }, ...block.fields.map((each) => node("div", { class: "text" }, ...textObject(each, context)))));
    }
    made.append(body);
    if (block.accessory) made.append(node("div", { class: "accessory" }, element(block.accessory, block, context)));
    return made;
  },
  context: (block, context) => node("div", { class: "block context" }, ...block.elements.map((each) => (each.type === "image"
    ? image(each) : node("div", { class: "text" }, ...textObject(each, context))))),
  actions: (block, context) => node("div", { class: "block actions", role: "group" }, ...block.elements.map((each) => element(each, block, context))),
  image: (block) => node("figure", { class: "block" }, block.title ? node("figcaption", {}, plain(block.title)) : null, image(block)),
  rich_text: (block, context) => node("div", { class: "block rich text" }, ...block.elements.map((each) => richPart(each, context))),
  input: (block, context) => input(block, context),
};

export function blocks(list, context) {
  return list.map((block) => {
    const made = (DRAW[block.type] ?? (() => node("p", { class: "block unknown" }, `This page cannot draw ${block.type}.`)))(block, context);
    made.dataset.blockId = block.block_id;
    return made;
  });
}

function image(part) {
  // Nothing from elsewhere is loaded: what it shows is said in words.
  const here = part.image_url.startsWith("data:") || part.image_url.startsWith(window.location.origin);
  return here ? node("img", { src: part.image_url, alt: part.alt_text }) : node("span", { class: "picture", role: "img", "aria-label": part.alt_text }, part.alt_text);
}

function richPart(part, context) {
  const inside = () => part.elements.map((each) => richInline(each, context));
  switch (part.type) {
    case "rich_text_list": {
      const tag = part.style === "ordered" ? "ol" : "ul";
      const items = part.elements.map((item) => node("li", {}, ...item.elements.map((each) => richInline(each, context))));
      return node(tag, { class: `indent-${part.indent ?? 0}`, start: part.offset ? part.offset + 1 : null }, ...items);
    }
    case "rich_text_preformatted": return node("pre", {}, ...inside());
    case "rich_text_quote": return node("blockquote", {}, ...inside());
    default: return node("div", { class: "line" }, ...inside());
  }
}

function richInline(part, context) {
  const made = {
    text: () => document.createTextNode(part.text),
    link: () => link(part.url, part.text),
    user: () => userMention(part.user_id, context),
    usergroup: () => groupMention(part.usergroup_id, context),
    channel: () => mention(`#${context.channels.find((each) => each.id === part.channel_id)?.name ?? part.channel_id}`, false),
    emoji: () => document.createTextNode(emojied(`:${part.name}:`)),
    date: () => node("time", {}, date(part.timestamp, part.format, part.fallback)),
    broadcast: () => mention(`@${part.range}`, true),
  }[part.type]();
  const style = part.style ?? {};
  const tags = [["code", "code"], ["strike", "s"], ["italic", "em"], ["bold", "strong"], ["underline", "u"]];
  return tags.reduce((inside, [name, tag]) => (style[name] ? node(tag, {}, inside) : inside), made);
}

// --- elements ---------------------------------------------------------------------------------------------------------

const ELEMENTS = { button, overflow, static_select: select, users_select: userSelect, checkboxes: boxes, radio_buttons: boxes, datepicker, plain_text_input: textInput, image };

function element(part, block, context) {
  const draw = ELEMENTS[part.type];
  if (!draw) return node("span", { class: "unknown" }, `This page cannot draw ${part.type}.`);
  const made = draw(part, context, context.acts ? (value) => act(part, value, made, context) : null, block);
  const lost = context.lost?.(part.action_id);
  return lost ? node("span", { class: "lost" }, made, node("span", { class: "warn", role: "img", "aria-label": "This app did not respond", title: "This app did not respond" }, "!")) : made;
}

async function act(part, value, made, context) {
  if (part.confirm && !(await context.confirm(part.confirm))) return;
  made.setAttribute("aria-busy", "true");
  await context.acts(part.action_id, value);
  made.removeAttribute("aria-busy");
}

function button(part, context, chosen) {
  return node("button", {
    type: "button", class: `button ${part.style ?? ""}`, "aria-label": part.accessibility_label, "data-action-id": part.action_id,
    onclick() {
      if (part.url) window.open(part.url, "_blank", "noopener");
      chosen(part.value);
    },
  }, plain(part.text));
}

function overflow(part, context, chosen) {
  const menu = node("div", { class: "menu", role: "menu", hidden: true });
  const opener = node("button", { type: "button", class: "button more", "aria-label": "More actions", "aria-haspopup": "menu", "aria-expanded": "false", "data-action-id": part.action_id }, "⋯");
  const whole = node("span", { class: "overflow" }, opener, menu);
  const close = () => {
    menu.hidden = true;
    opener.setAttribute("aria-expanded", "false");
  };
  for (const option of part.options) {
    menu.append(node("button", {
      type: "button", role: "menuitem",
      onclick() {
        close();
        if (option.url) window.open(option.url, "_blank", "noopener");
        chosen(option.value);
      },
    }, plain(option.text), option.description ? node("small", {}, plain(option.description)) : null));
  }
  opener.addEventListener("click", () => {
    menu.hidden = !menu.hidden;
    opener.setAttribute("aria-expanded", String(!menu.hidden));
    if (!menu.hidden) menu.firstChild.focus();
  });
  whole.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || menu.hidden) return;
    event.stopPropagation();
    close();
    opener.focus();
  });
  whole.addEventListener("focusout", (event) => {
    if (!whole.contains(event.relatedTarget)) close();
  });
  return whole;
}

// Inputs call `changed` with what the server takes: a text, an option's value, values, a date, a user id.
function menuOf(options, now, placeholder, name, id, changed) {
  return node("select", { class: "field", "aria-label": name, id, onchange: (event) => changed(event.target.value) },
    node("option", { value: "" }, placeholder ?? "Choose an option"),
    ...options.map(([value, text]) => node("option", { value, selected: value === now }, text)));
}

function select(part, context, chosen, block) {
  const now = context.draft?.(block, part) ?? part.initial_option?.value;
  return menuOf(part.options.map((each) => [each.value, plain(each.text)]), now, part.placeholder?.text, chosen ? plain(part.placeholder) || "Choose an option" : null, context.id?.(block), chosen ?? ((value) => context.drafts(block, part, value)));
}

function userSelect(part, context, chosen, block) {
  const now = context.draft?.(block, part) ?? part.initial_user;
  const people = Object.values(context.users).filter((each) => !each.deleted).map((each) => [each.id, each.real_name]);
  return menuOf(people, now, part.placeholder?.text ?? "Choose a person", chosen ? "Choose a person" : null, context.id?.(block), chosen ?? ((value) => context.drafts(block, part, value)));
}

function boxes(part, context, chosen, block) {
  const one = part.type === "radio_buttons";
  const initial = one ? part.initial_option?.value : (part.initial_options ?? []).map((each) => each.value);
  const now = context.draft?.(block, part) ?? initial;
  const group = `${block.block_id}-${part.action_id}`;
  const whole = node("div", { class: "boxes" });
  const changed = () => {
    const values = [...whole.querySelectorAll("input:checked")].map((each) => each.value);
    (chosen ?? ((value) => context.drafts(block, part, value)))(one ? values[0] : values);
  };
  for (const option of part.options) {
    const checked = one ? option.value === now : now?.includes(option.value);
    whole.append(node("label", {}, node("input", { type: one ? "radio" : "checkbox", name: group, value: option.value, checked, onchange: changed }),
      node("span", {}, ...textObject(option.text, context), option.description ? node("small", {}, ...textObject(option.description, context)) : null)));
  }
  return whole;
}

function datepicker(part, context, chosen, block) {
  const now = context.draft?.(block, part) ?? part.initial_date;
  return node("input", { type: "date", class: "field", id: context.id?.(block), value: now, "aria-label": chosen ? "Choose a date" : null, onchange: (event) => (chosen ?? ((value) => context.drafts(block, part, value)))(event.target.value) });
}

function textInput(part, context, chosen, block) {
  const now = context.draft?.(block, part) ?? part.initial_value ?? "";
  const tag = part.multiline ? "textarea" : "input";
  const made = node(tag, {
    class: "field", id: context.id(block), maxlength: part.max_length, placeholder: plain(part.placeholder) || null, autocomplete: "off", rows: part.multiline ? 3 : null,
    oninput: (event) => context.drafts(block, part, event.target.value), autofocus: part.focus_on_load,
  });
  made.value = now;
  return made;
}

function input(block, context) {
  const error = context.errors?.[block.block_id];
  const made = element(block.element, block, { ...context, acts: null });
  const grouped = ["checkboxes", "radio_buttons"].includes(block.element.type);
  const name = [plain(block.label), block.optional ? node("span", { class: "optional" }, " (optional)") : null];
  const told = error ? `${context.id(block)}-error` : null;
  if (told) {
    made.setAttribute("aria-invalid", "true");
    made.setAttribute("aria-describedby", told);
  }
  const below = [block.hint ? node("p", { class: "hint" }, plain(block.hint)) : null, error ? node("p", { class: "error", role: "alert", id: told }, `⚠ ${error}`) : null];
  const required = block.optional ? null : "true";
  if (grouped) {
    made.setAttribute("aria-required", required ?? "false");
    return node("fieldset", { class: "block input" }, node("legend", {}, ...name), made, ...below);
  }
  if (required) made.setAttribute("aria-required", required);
  return node("div", { class: "block input" }, node("label", { for: context.id(block) }, ...name), made, ...below);
}

