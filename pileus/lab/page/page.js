"use strict";
const data = JSON.parse(document.getElementById("data").textContent), answers = data.answers;
const $ = (id) => document.getElementById(id);
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const make = (tag, text, cls) => { const e = document.createElement(tag); if (text !== undefined) e.textContent = text; if (cls) e.className = cls; return e; };
const num = (v, d = 2) => v === null || v === undefined ? "\u2013" : v.toLocaleString("en", { minimumFractionDigits: d, maximumFractionDigits: d });
const percent = (v, d = 2) => v === null || v === undefined ? "\u2013" : num(v, d) + "\u00a0%";
const WORD = { better: "Ship it: better than the simple rule", even: "No real difference from the simple rule", worse: "Do not ship it: the simple rule is better",
  same: "This is the simple rule itself", dear: "Do not ship this one: another does more for no more", short: "Not yet: better than the simple rule, and still short of members too often" };
const BRIEF = { better: "better", even: "no difference", worse: "worse", same: "is it" };
const POINTS = 1600, MARKS = 700, MUCH = 5, DAY = 86400;
/* From how many seconds on a view is worth its button: around the worst moment. */
const VIEWS = [["All", Infinity, 0], ["Worst day", DAY, 2 * DAY], ["Worst 3 hours", 10800, 36000]];
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
  return { paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { color: css("--text"), size: 13 }, hovermode: "x unified", hoverdistance: 8,
    margin: { l: 60, r: 14, t: 34, b: 52 }, legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", traceorder: "normal" }, dragmode: "zoom",
    hoverlabel: { bgcolor: css("--card"), bordercolor: css("--line"), font: { color: css("--text"), size: 12.5 }, align: "left" },
    xaxis: { ...axis, type: p.c.epoch ? "date" : "linear", title: { text: p.c.epoch ? "UTC" : "hours after the start", font: { size: 12 }, standoff: 4 }, hoverformat: p.c.epoch ? "%Y-%m-%d %H:%M UTC" : ",.2f" },
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
    { ...line("serving", have, css("--supply"), { width: 1.8 }) },
    { ...line("short of members", top, "rgba(0,0,0,0)", { width: 0 }), fill: "tonexty", fillcolor: css("--short"), hoverinfo: "skip" } ];
  if (p.rule) traces.push({ ...line("simple rule at equal cost", s.picked.map(([, j]) => p.rule[j]), css("--rule"), { dash: "dot", width: 1.3 }), visible: "legendonly" });
  const missing = have.map((v, i) => need[i] === null ? null : Math.max(0, need[i] - v));
  traces.push({ name: "missing", x, y: missing, mode: "lines", yaxis: "y2", hoverinfo: "skip", line: { shape: "hv", width: 1, color: css("--short") }, fill: "tozeroy", fillcolor: css("--short"), showlegend: false });
  const lo = p.d.start + from * p.d.step_s, hi = p.d.start + to * p.d.step_s;
  const marks = p.d.marks.filter((m) => m[0] >= lo && m[0] <= hi);
  const few = marks.length <= MARKS;
  const ups = marks.map((m) => m[2] > m[1]);
  if (few) traces.push({ name: "decision", mode: "markers", x: marks.map((m) => p.c.x(m[0])), y: marks.map((m) => m[2]),
    marker: { symbol: ups.map((up) => up ? "triangle-up" : "triangle-down"), size: Math.max(5, 10 - marks.length / 60), color: ups.map((up) => css(up ? "--good" : "--muted")) },
    text: marks.map((m) => `<b>${p.c.text(m[0])}: ${m[1]} \u2192 ${m[2]}</b><br>` + m[3].map(wrap).join("<br>")), hovertemplate: "%{text}<extra></extra>" });
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
  const line = (name, values, color, width, rest) => ({ name, x, y: mean(values), mode: "lines", line: { color, width, shape: "hv" }, hovertemplate: "%{y:,.4~g}", ...rest });
  return [line("load", p.d.load, css("--need"), 1, { fill: "tozeroy", fillcolor: css("--need-soft") }), line(`foretold ${num(p.r.horizon_s, 0)} s before`, p.d.forecast, css("--ahead"), 1.4)];
}
function plot(p, range, view) {
  [...$("views").children].forEach((b) => b.setAttribute("aria-pressed", String(b.textContent === view)));
  const first = range ? Math.max(0, Math.floor((p.c.t(range[0]) - p.d.start) / p.d.step_s)) : 0;
  const last = range ? Math.min(p.n, Math.ceil((p.c.t(range[1]) - p.d.start) / p.d.step_s) + 1) : p.n;
  const signal = Object.keys(p.r.capacity)[0].replaceAll("_", " ");
  for (const [id, traces, title] of [["members", members(p, first, last), "members"], ["load", load(p, first, last), signal]]) {
    const made = layout(p, title);
    if (id === "members") {
      made.yaxis.domain = [0.26, 1];
      made.yaxis2 = { ...made.yaxis, domain: [0, 0.17], title: { text: "missing" }, nticks: 3 };
      made.xaxis.anchor = "y2";
    }
    if (range) made.xaxis.range = range;
    Plotly.react($(id), traces, made, CONFIG);
  }
}
function follow(event) {
  if (!drawn) return;
  if (event["xaxis.autorange"]) return plot(drawn, null, "All");
  const a = event["xaxis.range[0]"] ?? event["xaxis.range"]?.[0], b = event["xaxis.range[1]"] ?? event["xaxis.range"]?.[1];
  if (a !== undefined && b !== undefined) plot(drawn, [a, b]);
}
const price = (f) => f.cost === null ? f.member_hours : f.cost;
/* Another replay of the same load with less shortage that costs no more. */
function better(r) {
  const found = answers.map((a, i) => [a.result, i]).filter(([o]) => o !== r && o.load === r.load && (o.figures.cost === null) === (r.figures.cost === null)
    && o.figures.theta_u < 0.95 * r.figures.theta_u && price(o.figures) <= 1.001 * price(r.figures));
  return found.sort(([a], [b]) => a.figures.theta_u - b.figures.theta_u)[0]?.[1] ?? null;
}
const often = (r) => r.figures.tau_u > MUCH;
function standing(r) {
  if (better(r) !== null) return "dear";
  return r.verdict === "better" && often(r) ? "short" : r.verdict;
}
function tiles(r) {
  const f = r.figures, o = r.beside && r.verdict !== "same" ? r.beside.figures : null, s = r.skills[0];
  const list = [
    ["Load that found no member", percent(f.lost_load), o && o.lost_load, f.lost_load, percent],
    ["Time short of members", percent(f.tau_u, 1), o && o.tau_u, f.tau_u, (v) => percent(v, 1), `${num(f.slo_minutes, 0)} of ${num(r.hours * 60, 0)} minutes`],
    ["Mean shortage of members (\u03b8U)", percent(f.theta_u), o && o.theta_u, f.theta_u, percent],
    [f.cost === null ? "Member-hours" : "Cost, at the price given", f.cost === null ? num(f.member_hours, 0) + " h" : num(f.cost), null, 0, null, o ? "the simple rule was made to cost the same" : `${num(f.member_hours, 0)} member-hours`],
    ["Members started", num(f.starts_per_hour, 1) + " / h", o && o.starts_per_hour, f.starts_per_hour, (v) => num(v, 1) + "\u00a0/\u00a0h"],
    ...(s && r.verdict !== "same" ? [["Forecast's mean error", num(s.relmae) + " \u00d7", 1, s.relmae, () => "1\u00a0\u00d7", "of the last value's error"]] : []) ];
  $("tiles").replaceChildren(...list.map(([what, mine, other, value, write, more]) => {
    const tile = make("div", undefined, "tile"), beside = make("div", undefined, "beside");
    tile.append(make("div", what, "small muted"), make("div", mine, "big"));
    if (other !== null && other !== undefined && value !== null) {
      const change = other ? (value - other) / other : 0, much = Math.abs(change) >= 0.01;
      beside.append(make("span", much ? `${num(Math.abs(change) * 100, 0)} % ${change > 0 ? "more" : "less"}` : "the same", much ? change > 0 ? "down" : "up" : ""), ` (simple rule: ${write(other)})`);
    }
    tile.append(beside);
    if (more) tile.append(make("div", more, "beside"));
    return tile;
  }));
  $("equal").textContent = (o ? `Less is better in every figure. The simple rule: no forecast, the load of this moment with ${percent(100 * r.beside.headroom, 1)} headroom. `
    + "Anyone has fewer shortages who pays for more members, so the headroom is set such that the rule costs exactly what this policy costs: what difference remains is what the forecast is worth." : "Less is better in every figure.");
}
function verdict(r) {
  const box = $("verdict"), how = standing(r), other = better(r), f = r.figures;
  box.className = `card verdict ${{ dear: "worse", short: "even" }[how] ?? how}`;
  box.replaceChildren(make("b", WORD[how], "word"), make("p", `${r.policy} with the predictor ${r.predictor}, on ${r.load}. ${plainly(r)}`));
  if (other !== null) {
    const o = answers[other].result, line = make("p"), link = make("button", label(other), "link");
    link.onclick = () => choose(other);
    line.append(link, ` has a mean shortage of ${percent(o.figures.theta_u)} instead of ${percent(f.theta_u)} and costs ${num(price(o.figures))} instead of ${num(price(f))}.`);
    box.append(line);
  }
  if (often(r)) box.append(make("p", `It is short of members ${percent(f.tau_u, 1)} of the time; more than ${MUCH} % counts as too much here. Fill members less ('pileus tune' finds by how much), make them start faster, or shrink later.`));
  notices(r);
}
/* What the comparison comes to, in one sentence. */
function plainly(r) {
  if (r.verdict === "same" || !r.beside) return r.said.charAt(0).toUpperCase() + r.said.slice(1) + ".";
  const o = r.beside.figures, ratio = r.beside.theta_u_ratio;
  const change = ratio === null ? "more shortage" : `${num(Math.abs(1 - ratio) * 100, 0)} % ${ratio <= 1 ? "less" : "more"} shortage`;
  return `At the same cost it has ${change} than the simple rule: its members fall short of the need by ${percent(r.figures.theta_u)} on average, the rule's by ${percent(o.theta_u)}.`;
}
function notices(r) {
  const low = r.unknown_minutes + r.saturated_minutes, said = [];
  if (r.unknown_minutes > 0) said.push(`${num(r.unknown_minutes, 0)} minutes of the load are unknown (gaps); they are not scored.`);
  if (r.saturated_minutes > 0) said.push(`${num(r.saturated_minutes, 0)} minutes are at the recording's ceiling: the true load may have been higher.`);
  const share = 100 * low / (60 * r.hours);
  $("notices").replaceChildren(...said.map((text) => share < 1 ? make("p", text, "muted small")
    : make("div", `Low confidence: ${text}${share >= 5 ? " That is much: do not decide on this recording alone." : ""}`, "notice small")));
}
/* So many seconds around a shortage, as the axis has them. */
function around(p, s, seconds) {
  const middle = s.begin + s.minutes * 30, end = p.d.start + p.n * p.d.step_s;
  const lo = Math.max(p.d.start, Math.min(middle - seconds / 2, end - seconds));
  return [lo, Math.min(end, lo + seconds)].map((t) => p.c.epoch ? new Date(t * 1000).toISOString() : (t - p.r.start) / 3600);
}
function views(p) {
  const lasts = p.n * p.d.step_s, first = p.r.shortages[0];
  const offered = VIEWS.filter(([, , from]) => from === 0 || (first && lasts >= from));
  const show = ([name, seconds]) => plot(p, seconds === Infinity ? null : around(p, first, seconds), name);
  $("views").hidden = offered.length < 2;
  $("views").replaceChildren(...offered.map((view) => { const b = make("button", view[0]); b.type = "button"; b.onclick = () => show(view); return b; }));
  show(offered.find(([, seconds]) => seconds === DAY) ?? offered[0]);
}
function worst(p) {
  const rows = p.r.shortages;
  if (!rows.length) return $("worst").replaceChildren(make("p", "None: there were always enough members.", "muted"));
  const table = make("table"), head = make("tr");
  for (const name of ["when", "lasted", "missing at worst"]) head.append(make("th", name));
  table.append(head);
  for (const s of rows) {
    const row = make("tr"), cell = make("td"), link = make("button", p.c.text(s.begin), "link");
    link.onclick = () => { plot(p, around(p, s, Math.max(3600, 3 * s.minutes * 60))); $("members").scrollIntoView({ behavior: "smooth", block: "center" }); };
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
  $("all-box").hidden = answers.length < 2;
  const table = make("table"), head = make("tr");
  for (const name of ["replay", "against the simple rule", "load lost %", "time short %", "shortage \u03b8U %", "cost", "starts/h"]) head.append(make("th", name));
  table.append(head);
  const least = (key) => Math.min(...answers.map((a) => key(a.result.figures)));
  const [fewest, cheapest] = [least((f) => f.theta_u ?? Infinity), least(price)];
  answers.forEach((a, i) => {
    const r = a.result, f = r.figures, row = make("tr", undefined, i === chosen ? "mine" : ""), name = make("td"), link = make("button", label(i), "link");
    link.onclick = () => { choose(i); $("verdict").scrollIntoView({ block: "nearest" }); };
    name.append(link);
    if (!several && f.theta_u === fewest) name.append(make("span", "least shortage", "chip"));
    if (!several && price(f) === cheapest) name.append(make("span", "cheapest", "chip"));
    const against = make("td");
    against.append(make("span", undefined, `dot ${r.verdict}`), BRIEF[r.verdict]);
    row.append(name, against, ...[num(f.lost_load), num(f.tau_u, 1), num(f.theta_u), f.cost === null ? num(f.member_hours, 0) + " h" : num(f.cost), num(f.starts_per_hour, 1)].map((text) => make("td", text)));
    table.append(row);
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
  views(drawn);
}
/* The one to look at first: that no other beats, that forecasts, with the least shortage. */
function first() {
  const shortage = (i) => answers[i].result.figures.theta_u ?? Infinity;
  const found = answers.map((a, i) => i).filter((i) => answers[i].result.verdict !== "same" && better(answers[i].result) === null);
  return found.sort((a, b) => shortage(a) - shortage(b))[0] ?? 0;
}
if (answers.length > 1) answers.forEach((a, i) => { const b = make("button"); b.type = "button"; b.append(make("span", undefined, `dot ${a.result.verdict}`), label(i)); b.onclick = () => choose(i); $("picks").append(b); });
choose(first());
for (const id of ["members", "load"]) $(id).on("plotly_relayout", follow);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => choose(chosen));
