"use strict";
const data = JSON.parse(document.getElementById("data").textContent), answers = data.answers;
const $ = (id) => document.getElementById(id);
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const make = (tag, text, cls) => { const e = document.createElement(tag); if (text !== undefined) e.textContent = text; if (cls) e.className = cls; return e; };
const num = (v, d = 2) => v === null || v === undefined ? "\u2013" : v.toLocaleString("en", { minimumFractionDigits: d, maximumFractionDigits: d });
const percent = (v, d = 2) => v === null || v === undefined ? "\u2013" : num(v, d) + " %";
const WORD = { better: "Ship it: better than the simple rule", even: "No real difference", worse: "Do not ship it: the simple rule is better", same: "This is the simple rule itself" };
const POINTS = 1600, MARKS = 250, MUCH = 5;
let chosen = 0, drawn = null;

function clock(r) {
  const epoch = r.start > 1e8;
  return { epoch, x: (t) => epoch ? new Date(t * 1000) : (t - r.start) / 3600,
    t: (x) => epoch ? (typeof x === "number" ? x : Date.parse(/[zZ]|[+-]\d\d:?\d\d$/.test(x) ? x : String(x).replace(" ", "T") + "Z")) / 1000 : r.start + x * 3600,
    text: (t) => epoch ? new Date(t * 1000).toISOString().replace("T", " ").slice(0, 19) + " UTC" : num((t - r.start) / 3600, 2) + " h after the start" };
}
function spread(steps, start, step, n) {
  const out = new Float64Array(n); let k = -1;
  for (let i = 0; i < n; i++) { const t = start + i * step; while (k + 1 < steps.at.length && steps.at[k + 1] <= t) k++; out[i] = k < 0 ? 0 : steps.members[k]; }
  return out;
}
function prepare(a) {
  const d = a.drawing, n = d.needed.length;
  const supply = spread(d.supply, d.start, d.step_s, n);
  return { d, n, r: a.result, c: clock(a.result), supply, rule: d.baseline ? spread(d.baseline, d.start, d.step_s, n) : null };
}
/* Of each stretch of periods one is shown: the one with the greatest shortage, else the greatest need. */
function sample(p, from, to) {
  const every = Math.max(1, Math.ceil((to - from) / POINTS)), picked = [];
  for (let i = from; i < to; i += every) {
    let best = i, lack = -1, need = -1;
    for (let j = i; j < Math.min(i + every, to); j++) {
      const w = p.d.needed[j]; if (w === null) continue;
      const l = Math.max(0, w - p.supply[j]);
      if (l > lack || (l === lack && w > need)) { best = j; lack = l; need = w; }
    }
    picked.push([i, best]);
  }
  return { every, picked };
}
function layout(p, title) {
  const axis = { gridcolor: css("--grid"), linecolor: css("--line"), zeroline: false };
  return { paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { color: css("--text"), size: 13 }, hovermode: "x unified",
    margin: { l: 60, r: 14, t: 8, b: 40 }, legend: { orientation: "h", y: 1.12 }, dragmode: "zoom",
    xaxis: { ...axis, type: p.c.epoch ? "date" : "linear", title: p.c.epoch ? undefined : { text: "hours after the start" } },
    yaxis: { ...axis, title: { text: title }, rangemode: "tozero", fixedrange: true } };
}
const CONFIG = { displaylogo: false, responsive: true, modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"] };

function members(p, from, to) {
  const s = sample(p, from, to), x = s.picked.map(([i]) => p.c.x(p.d.start + i * p.d.step_s));
  const need = s.picked.map(([, j]) => p.d.needed[j]), have = s.picked.map(([, j]) => p.supply[j]);
  const top = have.map((v, i) => need[i] === null ? v : Math.max(v, need[i]));
  const line = (name, y, color, extra) => ({ name, x, y, mode: "lines", line: { shape: "hv", color, width: 1.6, ...(extra || {}) } });
  const traces = [
    { ...line("needed", need, css("--need"), { width: 1 }), fill: "tozeroy", fillcolor: css("--need-soft") },
    { ...line("serving", have, css("--supply"), { width: 2 }) },
    { ...line("short of members", top, "rgba(0,0,0,0)", { width: 0 }), fill: "tonexty", fillcolor: css("--short"), hoverinfo: "skip" } ];
  if (p.rule) traces.push({ ...line("simple rule at equal cost", s.picked.map(([, j]) => p.rule[j]), css("--rule"), { dash: "dot", width: 1.3 }), visible: "legendonly" });
  const missing = have.map((v, i) => need[i] === null ? null : Math.max(0, need[i] - v));
  traces.push({ name: "missing", x, y: missing, mode: "lines", yaxis: "y2", line: { shape: "hv", width: 1, color: css("--short") }, fill: "tozeroy", fillcolor: css("--short"), showlegend: false });
  const lo = p.d.start + from * p.d.step_s, hi = p.d.start + to * p.d.step_s;
  const marks = p.d.marks.filter((m) => m[0] >= lo && m[0] <= hi);
  const few = marks.length <= MARKS;
  if (few) for (const up of [true, false]) {
    const these = marks.filter((m) => (m[2] > m[1]) === up);
    traces.push({ name: up ? "decided: more" : "decided: fewer", mode: "markers", x: these.map((m) => p.c.x(m[0])), y: these.map((m) => m[2]),
      marker: { symbol: up ? "triangle-up" : "triangle-down", size: 10, color: up ? css("--good") : css("--muted") },
      text: these.map((m) => `<b>${m[1]} \u2192 ${m[2]}</b><br>` + m[3].map(wrap).join("<br>")), hovertemplate: "%{text}<extra></extra>" });
  }
  $("grain").textContent = (s.every > 1 ? `One point stands for the worst of ${num(s.every * p.d.step_s / 60, 1)} minutes. ` : "") +
    (few ? `${marks.length} decisions in view.` : `${marks.length} decisions in view: zoom in to see them.`);
  return traces;
}
const wrap = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/(.{60}\S*) /g, "$1<br>&nbsp;&nbsp;");
function load(p, from, to) {
  const every = Math.max(1, Math.ceil((to - from) / POINTS)), at = [];
  for (let i = from; i < to; i += every) at.push(i);
  const mean = (values) => at.map((i) => { let sum = 0, n = 0; for (let j = i; j < Math.min(i + every, to); j++) if (values[j] !== null) { sum += values[j]; n++; } return n ? sum / n : null; });
  const x = at.map((i) => p.c.x(p.d.start + i * p.d.step_s));
  const line = (name, values, color, width) => ({ name, x, y: mean(values), mode: "lines", line: { color, width, shape: "hv" } });
  return [line("load", p.d.load, css("--need"), 1.8), line(`foretold ${num(p.r.horizon_s, 0)} s before`, p.d.forecast, css("--ahead"), 1.2)];
}
function plot(p, range) {
  const first = range ? Math.max(0, Math.floor((p.c.t(range[0]) - p.d.start) / p.d.step_s)) : 0;
  const last = range ? Math.min(p.n, Math.ceil((p.c.t(range[1]) - p.d.start) / p.d.step_s) + 1) : p.n;
  const signal = Object.keys(p.r.capacity)[0].replaceAll("_", " ");
  for (const [id, traces, title] of [["members", members(p, first, last), "members"], ["load", load(p, first, last), signal]]) {
    const made = layout(p, title);
    if (id === "members") {
      made.yaxis.domain = [0.26, 1];
      made.yaxis2 = { ...made.yaxis, domain: [0, 0.17], title: { text: "missing" }, nticks: 3 };
    }
    if (range) made.xaxis.range = range;
    Plotly.react($(id), traces, made, CONFIG);
  }
}
function follow(event) {
  if (!drawn) return;
  if (event["xaxis.autorange"]) return plot(drawn, null);
  const a = event["xaxis.range[0]"] ?? event["xaxis.range"]?.[0], b = event["xaxis.range[1]"] ?? event["xaxis.range"]?.[1];
  if (a !== undefined && b !== undefined) plot(drawn, [a, b]);
}
function compare(mine, other, digits, unit) {
  if (other === null || other === undefined || mine === null) return "";
  return `simple rule: ${num(other, digits)}${unit}`;
}
function tiles(r) {
  const f = r.figures, o = r.beside ? r.beside.figures : null, same = r.verdict === "same";
  const list = [
    ["Time short of members", f.slo_minutes, o && o.slo_minutes, 0, " min"],
    ["Mean shortage (\u03b8U)", f.theta_u, o && o.theta_u, 2, " %"],
    ["Load that found nobody", f.lost_load, o && o.lost_load, 2, " %"],
    f.cost === null ? ["Member-hours", f.member_hours, o && o.member_hours, 0, " h"] : ["Cost", f.cost, o && o.cost, 2, ""],
    ["Members started", f.starts_per_hour, o && o.starts_per_hour, 2, " per hour"] ];
  $("tiles").replaceChildren(...list.map(([what, mine, other, digits, unit]) => {
    const tile = make("div", undefined, "tile");
    tile.append(make("div", what, "small muted"), make("div", num(mine, digits) + unit, "big"));
    const beside = make("div", undefined, "beside");
    if (o && !same) {
      beside.append(compare(mine, other, digits, unit) + " ");
      const change = other ? (mine - other) / other : 0;
      if (Math.abs(change) >= 0.01) beside.append(make("span", `${change > 0 ? "+" : "\u2212"}${num(Math.abs(change) * 100, 0)} %`, change > 0 ? "down" : "up"));
    }
    tile.append(beside);
    return tile;
  }));
}
function verdict(r) {
  const box = $("verdict");
  box.className = `card verdict ${r.verdict}`;
  const said = r.said.charAt(0).toUpperCase() + r.said.slice(1) + ".";
  box.replaceChildren(make("b", WORD[r.verdict], "word"), make("p", `${r.policy} with the predictor ${r.predictor}, on ${r.load}. ${said}`));
  const why = r.verdict === "same" ? "It does not forecast, so there is nothing simpler to compare it with. Compare its figures with another policy's below."
    : "The simple rule keeps a fixed headroom over the load of this moment. It costs the same here, so whatever difference remains is what the forecast is worth.";
  box.append(make("p", why, "muted small"));
  if (r.figures.tau_u > MUCH) box.append(make("p", `Either way it is short of members ${percent(r.figures.tau_u, 1)} of the time. If that is too much, fill members less ('pileus tune' finds by how much), or make them start faster.`, "small"));
  const low = r.unknown_minutes + r.saturated_minutes, notices = [];
  if (r.unknown_minutes > 0) notices.push(`${num(r.unknown_minutes, 0)} minutes of the load are unknown (gaps); they are not scored.`);
  if (r.saturated_minutes > 0) notices.push(`${num(r.saturated_minutes, 0)} minutes are at the recording's ceiling: the true load may have been higher.`);
  const share = 100 * low / (60 * r.hours);
  $("notices").replaceChildren(...notices.map((text) => make("div", `Low confidence: ${text}${share >= 5 ? " That is much: do not decide on this recording alone." : ""}`, "notice small")));
}
function worst(p) {
  const rows = p.r.shortages;
  if (!rows.length) return $("worst").replaceChildren(make("p", "None: there were always enough members.", "muted"));
  const table = make("table"), head = make("tr");
  for (const name of ["when", "lasted", "missing at worst"]) head.append(make("th", name));
  table.append(head);
  for (const s of rows) {
    const row = make("tr"), cell = make("td"), link = make("button", p.c.text(s.begin), "link");
    link.onclick = () => { const pad = Math.max(1800, s.minutes * 60), lo = s.begin - pad, hi = s.begin + s.minutes * 60 + pad;
      plot(p, [lo, hi].map((t) => p.c.epoch ? new Date(t * 1000).toISOString() : (t - p.r.start) / 3600));
      $("members").scrollIntoView({ behavior: "smooth", block: "center" }); };
    cell.append(link);
    row.append(cell, make("td", num(s.minutes, 1) + " min"), make("td", `${s.members}`));
    table.append(row);
  }
  $("worst").replaceChildren(table, make("p", "Choose a moment to see it in the plot.", "muted small"));
}
const NUMBERS = [
  ["theta_u", "\u03b8U: shortage", 2, "Mean shortage of members, relative to the need. Users feel this."],
  ["tau_u", "\u03c4U: time short", 2, "Share of the time with too few members."],
  ["lost_load", "Load lost", 2, "Share of the load beyond what the members could carry."],
  ["theta_o", "\u03b8O: surplus", 2, "Mean surplus of members, relative to the need. The bill feels this."],
  ["tau_o", "\u03c4O: time over", 2, "Share of the time with more members than needed."],
  ["instability", "Instability", 2, "Share of the time in which supply and need move differently."] ];
function numbers(r) {
  const table = make("table"), head = make("tr"), o = r.beside && r.verdict !== "same" ? r.beside.figures : null;
  for (const name of ["lower is better", "this policy", o ? `simple rule, ${percent(100 * r.beside.headroom, 1)} headroom` : ""]) head.append(make("th", name));
  head.append(make("th", "what it says", "why")); table.append(head);
  const add = (name, mine, other, what) => { const row = make("tr"); row.append(make("td", name), make("td", mine), make("td", o ? other : ""), make("td", what, "why")); table.append(row); };
  for (const [key, name, digits, what] of NUMBERS) add(name, percent(r.figures[key], digits), o ? percent(o[key], digits) : "", what);
  for (const [key, name, digits, what] of [["starts", "Starts", 0, "Members that were asked for."], ["stops", "Stops", 0, "Members that ended."], ["changes", "Decisions that changed the number", 0, "Fewer is calmer."], ["member_hours", "Member-hours", 1, "From asked for until gone."], ["cost", "Cost", 2, "Member-hours at their price; unknown without a price."], ["failed", "Members that failed", 0, "As asked with --mtbf."]])
    add(name, num(r.figures[key], digits), o ? num(o[key], digits) : "", what);
  if (o) add("Elastic speed-up", num(r.beside.speed_up), "1.00", "SPEC: geometric mean of the four ratios; above 1 this policy is better.");
  for (const s of r.skills) { add(`Forecast error (${s.signal.replaceAll("_", " ")})`, num(s.relmae, 3), "1.000", `Mean error relative to the last value's, ${num(s.horizon_s, 0)} s ahead.`);
    add("P90 line: loss, coverage", `${num(s.relpinball90, 3)}, ${num(s.coverage90, 3)}`, "1.000", "Pinball loss relative to the last value's; share that stayed below the line (0.9 is right)."); }
  $("numbers").replaceChildren(table);
}
function everything() {
  const table = make("table"), head = make("tr");
  for (const name of ["replay", "min short", "\u03b8U %", "cost", "starts/h"]) head.append(make("th", name));
  table.append(head);
  answers.forEach((a, i) => {
    const r = a.result, f = r.figures, add = (name, g, cls) => { const row = make("tr", undefined, cls), price = g.cost === null ? num(g.member_hours, 0) + " h" : num(g.cost);
      row.append(make("td", name), make("td", num(g.slo_minutes, 0)), make("td", num(g.theta_u)), make("td", price), make("td", num(g.starts_per_hour))); table.append(row); };
    add(label(i), f, i === chosen ? "mine" : "");
    if (r.beside && r.verdict !== "same") add(`\u2003simple rule, ${percent(100 * r.beside.headroom, 1)} headroom`, r.beside.figures);
  });
  $("all").replaceChildren(table, ...data.pooled.map((text) => make("p", text + ".", "muted small")));
}
function assumed(r) {
  const carries = Object.entries(r.capacity).map(([name, v]) => `${num(v, 2)} ${name.replaceAll("_", " ")}`).join(", ");
  const fills = Object.entries(r.signals).map(([name, v]) => `${num(v, 2)} ${name.replaceAll("_", " ")}`).join(", ");
  const skip = r.skip_s ? ` The first ${num(r.skip_s / 3600, 1)} hours are replayed and not scored.` : "";
  $("assumed").replaceChildren(make("p", `One member carries ${carries}; the policy fills it to ${fills}. It takes ${num(r.boot_s, 0)} s (median) from asked for to serving, and forecasts look ${num(r.horizon_s, 0)} s ahead. The load is what was recorded: it does not change with what the members do, and what found nobody does not come again. Decisions are taken every ${num(r.step_s, 0)} s by the functions that run live.${skip}`),
    make("p", "Measures: SPEC Research Group, Ready for Rain? (SPEC-RG-2016-01). The simple rule: the last value with the headroom at which it costs the same, same behaviour otherwise."));
}
const several = new Set(answers.map((a) => a.result.load)).size > 1;
const label = (i) => { const r = answers[i].result; return `${several ? r.load + ": " : ""}${r.policy}, ${r.predictor}`; };
function choose(i) {
  chosen = i; drawn = prepare(answers[i]);
  const r = drawn.r;
  $("about").textContent = `${num(r.hours / 24, 1)} days of ${r.load}, replayed through the code that runs live.`;
  [...$("picks").children].forEach((b, k) => b.setAttribute("aria-pressed", String(k === i)));
  verdict(r); tiles(r); worst(drawn); numbers(r); everything(); assumed(r);
  const s = r.skills[0];
  $("skill").textContent = s ? `Its mean error is ${num(s.relmae, 2)} times that of the last value (below 1 is better).` : "";
  plot(drawn, null);
}
if (answers.length > 1) answers.forEach((a, i) => { const b = make("button"); b.append(make("span", undefined, `dot ${a.result.verdict}`), label(i)); b.onclick = () => choose(i); $("picks").append(b); });
choose(Math.max(0, answers.findIndex((a) => a.result.verdict !== "same")));
for (const id of ["members", "load"]) $(id).on("plotly_relayout", follow);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => choose(chosen));
