// The page: loads what is, listens to what changes.

import { Chart } from "./chart.js";
import * as why from "./decision.js";
import * as draw from "./render.js";
import { Applications, keyOf } from "./tree.js";
import { SIGNALS, el } from "./words.js";

const $ = (id) => document.getElementById(id);
const SPANS = [[120, "2 min"], [300, "5 min"], [900, "15 min"]];
const LINES = 300;
const state = { clusters: new Map(), chosen: null, view: null, decisions: [], signal: null, lastLine: 0, skew: 0, linked: false, health: null };
const chart = new Chart($("chart"));

const now = () => Date.now() / 1000 + state.skew;

async function ask(path) {
  const answer = await fetch(path, { headers: { accept: "application/json" }, signal: AbortSignal.timeout(8000) });
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

const applications = new Applications({ section: $("applications-box"), box: $("applications"), sum: $("applications-sum"), more: $("applications-more"), ask, now });

// Clusters ---------------------------------------------------------------------------------------

async function loadTiles() {
  const list = await ask("/api/clusters");
  const names = new Set(list.map((c) => c.cluster));
  for (const name of state.clusters.keys()) if (!names.has(name)) state.clusters.delete(name);
  list.forEach((c) => state.clusters.set(c.cluster, c));
  const wished = decodeURIComponent(location.hash.slice(1));
  if (!names.has(state.chosen)) state.chosen = names.has(wished) ? wished : list[0]?.cluster ?? null;
  drawTiles();
}

async function loadClusters() {
  await loadTiles();
  await loadChosen();
}

function drawTiles() {
  const box = $("tiles");
  const have = new Map([...box.children].map((node) => [node.dataset.cluster, node]));
  const names = [...state.clusters.keys()].sort();
  for (const [name, node] of have) if (!state.clusters.has(name)) node.remove();
  names.forEach((name) => {
    const node = have.get(name) ?? newTile(name);
    node.setAttribute("aria-pressed", String(name === state.chosen));
    node.replaceChildren(...draw.tile(state.clusters.get(name)));
    if (!have.has(name)) box.append(node);
  });
  $("empty").hidden = names.length > 0 || !state.health?.broker.caught_up;
  $("detail").hidden = names.length === 0;
}

function newTile(name) {
  const node = el("button", { class: "tile", type: "button", "data-cluster": name });
  node.addEventListener("click", () => choose(name));
  return node;
}

function choose(name) {
  state.chosen = name;
  state.signal = null;
  history.replaceState(null, "", `#${encodeURIComponent(name)}`);
  drawTiles();
  quietly(loadChosen);
}

// A link in a tree leads to the cluster's own view.
function follow() {
  const name = decodeURIComponent(location.hash.slice(1));
  if (!state.clusters.has(name)) return;
  choose(name);
  $("detail").scrollIntoView({ block: "start" });
}

// An application that names its clusters says which of them are no more.
function dropGone(event) {
  const there = new Set(event.state?.clusters ?? []);
  const gone = [...state.clusters.values()].filter((c) => keyOf(c) === keyOf(event) && !there.has(c.cluster));
  for (const { cluster } of gone) state.clusters.delete(cluster);
  if (state.chosen !== null && !state.clusters.has(state.chosen)) quietly(loadClusters);
  else if (gone.length) drawTiles();
}

async function loadChosen() {
  const name = state.chosen;
  if (name === null) return;
  const path = `/api/clusters/${encodeURIComponent(name)}`;
  const wish = state.signal ? `?signal=${state.signal}` : "";
  const [view, series, decisions] = await Promise.all([ask(path), ask(`${path}/series${wish}`), ask(`${path}/decisions`)]);
  if (name !== state.chosen) return;
  Object.assign(state, { view, decisions, signal: series.signal });
  chart.load(series);
  drawChosen();
  drawDecisions();
}

function drawChosen() {
  const view = state.view;
  if (!view) return;
  $("chart-title").textContent = view.summary.cluster;
  choices($("signals"), Object.entries(SIGNALS), state.signal, (signal) => { state.signal = signal; quietly(loadChosen); });
  choices($("spans"), SPANS, chart.span, (span) => { chart.span = span; chart.draw(); drawChosen(); });
  drawDecision(view);
  redraw($("alarms"), why.alarms(view, now()));
  $("facts").replaceChildren(...draw.facts(view));
  $("caption").textContent = draw.caption(view, state.signal);
  $("chart").setAttribute("aria-label", `Load and members over time. ${$("caption").textContent}`);
  drawMembers();
}

// Built anew only for another decision, so that nothing is read out, folded or scrolled back each second.
function drawDecision(view) {
  const box = $("decision"), of = view.newest?.decision ?? "";
  if (box.dataset.of !== of || !box.children.length) box.replaceChildren(...why.decision(view, now()));
  box.dataset.of = of;
  const ago = box.querySelector(".ago");
  if (ago) ago.textContent = why.ago(view, now());
}

function redraw(box, nodes) {
  if (box.textContent !== nodes.map((node) => node.textContent).join("")) box.replaceChildren(...nodes);
}

function choices(box, options, chosen, act) {
  if (!box.children.length) {
    for (const [value, label] of options) {
      const button = el("button", { type: "button", "data-value": value }, label);
      button.addEventListener("click", () => act(value));
      box.append(button);
    }
  }
  for (const button of box.children) button.setAttribute("aria-pressed", String(button.dataset.value === String(chosen)));
}

function drawMembers() {
  const all = state.view?.members ?? [];
  const living = all.filter((m) => m.state !== "Terminated");
  $("members").replaceChildren(...all.map((m) => draw.member(m, now())));
  $("members-sum").textContent = `${living.length} alive, last ${all.length - living.length} ended`;
  $("troubles").replaceChildren(...draw.troubles(state.view?.troubles ?? []));
}

function drawDecisions() {
  const box = $("decisions");
  const open = new Set([...box.querySelectorAll("details[open]")].map((d) => d.dataset.id));
  const shown = state.decisions.filter((d) => !$("changes").checked || d.wanted !== d.before);
  const none = el("li", { class: "muted" }, state.decisions.length ? "No change among the decisions known." : "No decision yet.");
  box.replaceChildren(...(shown.length ? shown.map((d) => why.decided(d, open.has(d.decision))) : [none]));
}

// Logs and health --------------------------------------------------------------------------------

async function loadLogs({ anew = false } = {}) {
  if (anew) state.lastLine = 0;
  const member = $("log-member").value;
  const lines = await ask(`/api/logs?after=${state.lastLine}&limit=${LINES}${member ? `&member=${encodeURIComponent(member)}` : ""}`);
  const box = $("logs");
  const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 30;
  if (anew) box.replaceChildren();
  box.append(...lines.map(draw.logLine));
  while (box.children.length > LINES) box.firstChild.remove();
  if (lines.length) state.lastLine = lines.at(-1).number;
  if (atEnd || anew) box.scrollTop = box.scrollHeight;
}

function drawLogChoice() {
  const select = $("log-member");
  const names = (state.view?.members ?? []).map((m) => m.member);
  const chosen = select.value;
  const wanted = ["", ...new Set([...names, chosen].filter(Boolean))];
  if ([...select.options].map((o) => o.value).join("\n") === wanted.join("\n")) return;
  select.replaceChildren(...wanted.map((name) => el("option", { value: name }, name || "all members")));
  select.value = chosen;
}

async function loadHealth() {
  const h = await ask("/api/health");
  state.skew = h.now - Date.now() / 1000;
  state.health = h;
  $("health").replaceChildren(...draw.health(h));
  const pill = $("health-state");
  pill.textContent = h.status;
  pill.className = `pill ${{ ok: "good", degraded: "warn", unreachable: "bad" }[h.status]}`;
  drawLink();
}

function drawLink() {
  const pill = $("link"), notice = $("notice"), broker = state.health?.broker;
  let said = "";
  if (!state.linked) said = "The dashboard does not answer. What stands below is the last that was known; it goes on by itself.";
  else if (broker && !broker.reachable && broker.since === null) said = `Connecting to broker ${broker.address} ...`;
  else if (broker && !broker.reachable)
    said = `Broker ${broker.address} does not answer${broker.error ? ` (${broker.error})` : ""}. What stands below is the last that was known; it goes on by itself. Without the broker nothing is removed.`;
  if (notice.textContent !== said) notice.textContent = said;
  notice.hidden = said === "";
  pill.textContent = !state.linked ? "no connection" : !broker?.reachable ? "broker unreachable" : broker.caught_up ? "live" : "reading";
  pill.className = `pill ${pill.textContent === "live" ? "good" : pill.textContent === "reading" ? "warn" : "bad"}`;
  $("empty").hidden = state.clusters.size > 0 || !broker?.caught_up;
}

// What changes -----------------------------------------------------------------------------------

function listen() {
  const source = new EventSource("/events");
  const on = (name, act) => source.addEventListener(name, (event) => act(JSON.parse(event.data)));
  source.onopen = () => { state.linked = true; quietly(loadEverything); };
  source.onerror = () => {
    state.linked = false;
    drawLink();
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, 3000);
  };
  on("reset", () => quietly(loadEverything));
  on("forecast", (event) => { note(event.summary); chart.append(event); });
  on("decision", (event) => {
    note(event.summary);
    if (event.cluster !== state.chosen) return;
    chart.decide(event.decision.at, event.decision.wanted);
    quietly(async () => { state.decisions = await ask(`/api/clusters/${encodeURIComponent(event.cluster)}/decisions`); drawDecisions(); });
  });
  on("member", (event) => {
    state.stale = true;
    if (event.state) applications.touch(keyOf(event.state));
  });
  on("application", (event) => { applications.note(event); dropGone(event); });
  on("cluster", (summary) => { note(summary); state.stale = true; });
}

function note(summary) {
  const fresh = !state.clusters.has(summary.cluster);
  state.clusters.set(summary.cluster, summary);
  if (state.chosen === summary.cluster) state.stale = true;
  if (fresh && state.chosen === null) quietly(loadClusters);
  else drawTiles();
}

async function loadEverything() {
  await loadHealth();
  await applications.load();
  await loadClusters();
  drawLogChoice();
  await loadLogs({ anew: true });
}

// Once a second: what may have changed of the chosen cluster, and ages.
async function refresh() {
  if (document.hidden || !state.linked) return;
  await applications.refresh();
  if (state.stale && state.chosen !== null) {
    state.stale = false;
    state.view = await ask(`/api/clusters/${encodeURIComponent(state.chosen)}`);
    drawLogChoice();
  }
  drawChosen();
}

async function quietly(act) {
  try {
    await act();
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof DOMException || /: [45]\d\d$/.test(error.message))) throw error;
  }
}

function every(ms, act) {
  setTimeout(async () => { await quietly(act); every(ms, act); }, ms);
}

$("changes").addEventListener("change", drawDecisions);
$("log-member").addEventListener("change", () => quietly(() => loadLogs({ anew: true })));
window.addEventListener("hashchange", follow);
document.addEventListener("visibilitychange", () => { if (!document.hidden && state.linked) quietly(loadEverything); });
if (!window.Plotly) $("caption").textContent = "The chart library did not load.";
listen();
every(1000, refresh);
every(10000, async () => { if (!document.hidden && state.linked) { await loadTiles(); await applications.load(); } });
every(2000, async () => { if (!document.hidden && state.linked) { await loadHealth(); await loadLogs(); } });
