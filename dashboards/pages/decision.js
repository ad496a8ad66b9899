// A decision as elements: the whole in one sentence, what the load asks for, every gate, what would change it.

import { NOUNS, clock, el, number, plural, seconds, sentence } from "./words.js";

const ALARM = { Breaker: "bad", Fallback: "bad", MetricMissing: "warn", Paused: "warn" };
const NAME = { Breaker: "Breaker", Fallback: "Fallback", MetricMissing: "Metrics missing", Paused: "Paused" };

export function chips(alarms) {
  return [...new Set(alarms.map((a) => a.code))].map((code) => el("span", { class: `state ${ALARM[code] ?? "warn"}` }, NAME[code] ?? code));
}

// What somebody should see at once, pauses with what is left of them.
export function alarms(view, now) {
  const measured = view.summary.alarms.filter((a) => a.code !== "Paused").map((a) => el("p", { class: `alarm ${ALARM[a.code] ?? "warn"}` },
    el("b", {}, NAME[a.code] ?? a.code), " ", el("span", {}, sentence(a.said))));
  const held = view.pauses.filter((p) => p.until > now).map((p) => el("p", { class: "alarm warn" },
    el("b", {}, p.scope.includes("/") ? "Paused" : "Frozen"), " ", el("span", {}, `${p.scope} by ${p.owner}: ${sentence(p.reason)} `),
    el("span", {}, "Ends ", el("time", { datetime: new Date(p.until * 1000).toISOString() }, clock(p.until)), `, in ${seconds(p.until - now)}.`)));
  return [...measured, ...held];
}

export function decision(view, now) {
  const given = view.newest;
  if (!given) return [el("p", { class: "muted" }, "No decision yet.")];
  return [
    el("p", { class: "move" }, given.wanted === given.before ? `${given.wanted}` : `${given.before} → ${given.wanted}`,
      el("small", { class: "ago", "aria-live": "off" }, ago(view, now))),
    el("p", { class: "why" }, sentence(given.said || given.why)),
    otherwise(given),
    given.loads.length ? [el("h3", {}, "The load"), el("ul", { class: "reasons" }, given.loads.map((said) => el("li", {}, said)))] : null,
    gates(given),
    el("h3", {}, "Reasons, the last one counts"), reasons(given.reasons),
  ].flat().filter(Boolean);
}

// What changes by itself from second to second.
export function ago(view, now) {
  const given = view.newest, last = view.summary.decision, held = given.wanted === given.before;
  const change = held && last && last.wanted !== last.before ? `; last change ${last.before} → ${last.wanted}, ${seconds(now - last.at)} ago` : "";
  return `${given.wanted === 1 ? "member" : "members"} wanted${held ? ", unchanged" : ""}, decided ${seconds(now - given.at)} ago${change}`;
}

function otherwise(given) {
  const other = given.otherwise;
  if (!other) return null;
  const loads = (by, join) => Object.entries(by).map(([signal, load]) => `${number(load)} ${NOUNS[signal] ?? signal}`).join(join) || "–";
  const row = (name, value) => [el("dt", {}, name), el("dd", {}, value)];
  return el("dl", { class: "otherwise" },
    row("The load alone asks for", other.asked === null ? "unknown" : plural(other.asked, "member")),
    row("Hangs on", `${other.binding}${other.until === null ? "" : ` until ${clock(other.until)}`}`),
    row("More members above", loads(other.more_above, " or ")),
    row("Fewer at or below", Object.values(other.fewer_below).some((load) => load > 0) ? loads(other.fewer_below, " and ") : "–"));
}

function gates(given) {
  if (!given.gates.length) return null;
  const allows = (g) => g.least === null && g.most === null ? "any" : g.least === g.most ? `only ${g.least}`
    : g.least === null ? `at most ${g.most}` : g.most === null ? `at least ${g.least}` : `${g.least} to ${g.most}`;
  const row = (g) => el("tr", { class: g.bites ? "bites" : null, title: `${g.what}: ${g.said}` },
    el("th", { scope: "row" }, g.gate),
    el("td", {}, el("span", { class: `state ${g.bites ? "warn" : "good"}` }, g.bites ? "limits" : "passes")),
    el("td", { class: "n" }, `${g.asked}`), el("td", { class: "n" }, `${g.passed}`),
    el("td", {}, allows(g)), el("td", { class: "n" }, g.until === null ? "–" : clock(g.until)));
  return [el("h3", {}, "Gates, in order"), el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Gates" }, el("table", { class: "gates" },
    el("thead", {}, el("tr", {}, ["Gate", "", "Asked", "Passed", "Allows now", "Until"].map((h, i) => el("th", { scope: "col", class: [2, 3, 5].includes(i) ? "n" : null }, h || el("span", { class: "unseen" }, "Result"))))),
    el("tbody", {}, given.gates.map(row))))];
}

export function reasons(list) {
  return el("ol", { class: "reasons" }, list.map((r) => el("li", {}, el("b", {}, r.code), " ", el("span", {}, r.said))));
}

export function decided(d, open) {
  const way = d.wanted > d.before ? "up" : d.wanted < d.before ? "down" : "same";
  const step = way === "same" ? `${d.wanted}` : `${d.before} → ${d.wanted}`;
  const bitten = d.gates.filter((g) => g.bites).map((g) => el("li", {}, el("b", {}, `${g.gate} gate`), " ", el("span", {}, g.said)));
  return el("li", {}, el("details", { "data-id": d.decision, open: open ? "" : null },
    el("summary", {}, el("time", { datetime: new Date(d.at * 1000).toISOString() }, clock(d.at)), el("span", { class: `step ${way}` }, step), el("span", { class: "said" }, d.why)),
    d.said ? el("p", { class: "small" }, sentence(d.said)) : null,
    reasons(d.reasons),
    bitten.length ? el("ul", { class: "reasons" }, bitten) : null));
}
