// Lists the operations of openapi.json, each with a form to try it. Whatever is shown is text, never markup.
"use strict";

/** The most of an answer that is shown, in characters. */
const SHOWN_MAX = 200_000;

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function headers() {
  const key = document.getElementById("key").value.trim();
  return key === "" ? {} : { authorization: `Bearer ${key}` };
}

/** The field of a parameter: a list where the values are known, else a line of text. */
function field(parameter) {
  const { schema, name } = parameter;
  if (schema.enum) {
    const options = ["", ...schema.enum].map((value) => element("option", { value, textContent: value }));
    return element("select", { name }, ...options);
  }
  const example = (schema.items ?? schema).examples?.[0] ?? schema.default ?? "";
  const repeated = schema.type === "array" ? "several: one, two" : "";
  const placeholder = schema.type === "object" ? "key=value, key=value" : String(example) || repeated;
  return element("input", { name, placeholder });
}

/** The path and query that the fields ask for. */
function address(path, parameters, form) {
  let filled = path;
  const query = new URLSearchParams();
  for (const { name, in: place, schema } of parameters) {
    const value = form.elements.namedItem(name).value.trim();
    const parts = value.split(",").map((part) => part.trim()).filter((part) => part !== "");
    if (place === "path") {
      filled = filled.replace(`{${name}}`, encodeURIComponent(value));
    } else if (value !== "" && schema.type === "object") {
      for (const part of parts) {
        const at = part.indexOf("=");
        query.append(`${name}[${part.slice(0, at)}]`, part.slice(at + 1));
      }
    } else if (value !== "" && schema.type === "array") {
      parts.forEach((part) => query.append(name, part));
    } else if (value !== "") {
      query.append(name, value);
    }
  }
  const text = query.toString();
  return text === "" ? filled : `${filled}?${text}`;
}

function pretty(text, type) {
  if (!type.includes("json")) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

async function ask(method, url, body, shown, stop) {
  shown.textContent = `${method} ${url}\n`;
  const begun = performance.now();
  const sent = body === undefined ? {} : { "content-type": "application/json" };
  const answer = await fetch(url, { method, body, headers: { ...headers(), ...sent }, signal: stop.signal });
  const type = answer.headers.get("content-type") ?? "";
  shown.textContent += `${answer.status} ${answer.statusText}, ${type}\n\n`;
  if (type.startsWith("text/event-stream")) {
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      shown.textContent = (shown.textContent + part.value).slice(-SHOWN_MAX);
    }
    return;
  }
  const text = pretty(await answer.text(), type);
  shown.textContent += text.slice(0, SHOWN_MAX) + (text.length > SHOWN_MAX ? "\n..." : "");
  shown.textContent += `\n\n${Math.round(performance.now() - begun)} ms`;
}

function operation(method, path, { summary, description, parameters, requestBody }) {
  const form = element("form");
  for (const parameter of parameters) {
    const label = element("label", { textContent: parameter.name });
    label.classList.toggle("needed", parameter.required);
    form.append(label, field(parameter), element("small", { textContent: parameter.description }));
  }
  const text = element("textarea", { rows: 8, value: '{"queries": [{"metricName": ""}], "formulas": []}' });
  if (requestBody) form.append(element("label", { textContent: "body" }), text, element("small"));
  const shown = element("pre", { hidden: true });
  let running = new AbortController();
  const stop = element("button", { type: "button", textContent: "Stop", onclick: () => running.abort() });
  form.append(element("div", { className: "actions" }, element("button", { textContent: "Try it" }), stop));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    running.abort();
    running = new AbortController();
    shown.hidden = false;
    const body = requestBody ? text.value : undefined;
    ask(method, address(path, parameters, form), body, shown, running).catch((error) => {
      shown.textContent += `\n${error.message}`;
    });
  });
  const head = element("summary", {}, element("code", { textContent: `${method} ${path}` }), summary);
  return element("details", {}, head, element("p", { textContent: description }), form, shown);
}

async function list() {
  const answer = await fetch("/api/v2/openapi.json");
  const { info, paths, tags } = await answer.json();
  document.getElementById("about").textContent = `${info.version}. ${info.description}`;
  const main = document.getElementById("operations");
  main.replaceChildren();
  for (const { name } of tags) {
    main.append(element("h2", { textContent: name }));
    for (const [path, methods] of Object.entries(paths)) {
      for (const [method, described] of Object.entries(methods)) {
        if (described.tags.includes(name)) main.append(operation(method.toUpperCase(), path, described));
      }
    }
  }
}

list().catch((error) => {
  document.getElementById("operations").textContent = `The document cannot be read: ${error.message}`;
});
