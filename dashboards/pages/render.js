// From answers to elements. Text goes in as text, never as markup: log lines and reasons are foreign.

import { chips } from "./decision.js";
import { NOUNS, SIGNALS, WHY, clock, el, number, plural, seconds } from "./words.js";

const MOOD = { steady: "good", growing: "warn", shrinking: "warn", stale: "bad", unknown: "" };
const LIFE = { Active: "good", Created: "warn", Starting: "warn", Draining: "warn", Terminating: "warn", Terminated: "" };

export function tile(summary) {
  const main = summary.main;
  const load = main && main.observed !== null
    ? [el("b", {}, number(main.observed)), main.forecast === null ? "" : [" → ", el("i", {}, number(main.forecast)), el("span", { class: "muted" }, ` in ${seconds(summary.horizon_s)}`)]]
    : el("span", { class: "muted" }, main ? `${WHY[main.why] ?? main.why}` : "no forecast yet");
  const extra = [summary.starting ? `${summary.starting} starting` : "", summary.draining ? `${summary.draining} draining` : ""].filter(Boolean).join(", ");
  return [
    el("span", { class: "name" }, summary.cluster),
    el("span", { class: "states" }, chips(summary.alarms), el("span", { class: `state ${MOOD[summary.status] ?? ""}` }, summary.status)),
    el("span", { class: "big" }, `${summary.serving}`, el("small", {}, ` of ${summary.wanted ?? "–"} wanted`)),
    el("span", { class: "load" }, ...load.flat ? load.flat() : [load]),
    el("span", { class: "wide" }, [`${summary.application}`, main ? NOUNS[main.signal] : "", extra].filter(Boolean).join(" · ")),
  ];
}

export function facts(view) {
  const s = view.summary;
  const row = (signal) => el("tr", {},
    el("th", { scope: "row" }, SIGNALS[signal.signal] ?? signal.signal, el("small", {}, `${signal.unit}, ${signal.predictor ? `by ${signal.predictor}` : "no forecast"}`)),
    el("td", { class: "n" }, signal.ready || signal.observed !== null ? number(signal.observed) : WHY[signal.why] ?? signal.why),
    el("td", { class: "n" }, number(signal.forecast)),
    el("td", { class: "n" }, signal.lower === null || signal.upper === null ? "–" : `${number(signal.lower)} – ${number(signal.upper)}`),
    el("td", { class: "n" }, number(signal.slope, 2)),
    el("td", { class: "n" }, number(signal.curvature, 3)),
    el("td", { class: "n" }, number(signal.threshold)));
  const lead = view.lead_time;
  return [
    el("div", { class: "scroll" }, el("table", {},
      el("thead", {}, el("tr", {}, ["Signal", "Now", "Ahead", "P10 – P90", "per s", "per s²", "Per member"].map((h, i) => el("th", { scope: "col", class: i ? "n" : null }, h)))),
      el("tbody", {}, view.signals.map(row)))),
    el("p", { class: "muted said small" }, [
      view.policy ? `Policy ${view.policy}` : "",
      s.min_members === null ? "" : `${s.min_members} to ${s.max_members} members`,
      s.horizon_s === null ? "" : `looks ${seconds(s.horizon_s)} ahead`,
      lead.count ? `lead time ${number(lead.p50_s)} s (p90 ${number(lead.p90_s)} s, ${lead.count} measured)` : "lead time not measured yet",
    ].filter(Boolean).join(" · ")),
  ];
}

export function member(m, now) {
  const ended = m.state === "Terminated";
  const mood = m.fault || m.healthy === false ? "bad" : LIFE[m.state] ?? "";
  const up = m.up_s === null ? "–" : seconds(now - (m.since.Active ?? m.at));
  return el("tr", { class: ended ? "ended" : null },
    el("td", {}, m.member),
    el("td", { title: m.reason || null }, el("span", { class: `state ${mood}` }, m.state), m.fault ? ` ${m.fault.toLowerCase()}` : ""),
    el("td", { class: "n" }, m.in_flight === null ? "–" : `${m.in_flight}`),
    el("td", { class: "n" }, up),
    el("td", { class: "n", title: new Date(m.at * 1000).toISOString() }, clock(m.at)),
    el("td", { class: "mono" }, m.port ? `${m.host}:${m.port}` : "–"),
    el("td", {}, `${m.network_partition}/${m.partition}`),
    el("td", { class: "n" }, number(m.load_average, 0)),
    el("td", { class: "n" }, number(m.memory_consumption, 0)));
}

export function logLine(line) {
  const mood = /^(ERROR|FATAL|CRITICAL)/.test(line.level) ? "bad" : /^WARN/.test(line.level) ? "warn" : "muted";
  return el("div", {}, el("span", { class: "muted" }, `${clock(line.at)} ${line.member} `), line.level ? el("span", { class: mood }, `${line.level} `) : null, line.text);
}

export function troubles(list) {
  if (!list.length) return [];
  return [el("h3", {}, "Actions that failed"), el("ul", { class: "reasons" }, list.slice(0, 5).map((o) =>
    el("li", {}, el("b", {}, `${o.member}: ${o.result}`), " ", el("span", {}, `${o.reason} ${clock(o.at)}`))))];
}

export function health(h) {
  const lag = (t) => (t.lag === null ? "–" : number(t.lag));
  const rows = h.topics.filter((t) => t.partitions).map((t) => el("tr", {},
    el("td", { class: "mono" }, t.topic.replace("pileus.", "")),
    el("td", { class: "n" }, seconds(t.age_s)),
    el("td", { class: "n" }, lag(t)),
    el("td", { class: "n" }, number(t.records)),
    el("td", { class: "n" }, number(t.bad))));
  const refused = h.rejected.map((r) => el("li", {}, el("b", {}, `${r.reason} ×${r.count}`), " ", el("span", {}, [r.topic, r.examples[0] ?? ""].filter(Boolean).join(": "))));
  return [
    h.said.length ? el("ul", { class: "said" }, h.said.map((s) => el("li", {}, s))) : null,
    el("p", { class: "muted said small" }, `Broker ${h.broker.address} ${h.broker.reachable ? "answers" : "does not answer"}`,
      h.samples.length ? ` · newest sample ${seconds(oldest(h.samples))} old` : ""),
    rows.length ? el("div", { class: "scroll" }, el("table", {},
      el("thead", {}, el("tr", {}, ["Topic", "Newest", "Lag", "Read", "Bad"].map((t, i) => el("th", { scope: "col", class: i ? "n" : null }, t)))),
      el("tbody", {}, rows))) : null,
    refused.length ? [el("h3", {}, "Refused by the worker"), el("ul", { class: "reasons" }, refused)] : null,
  ].flat().filter(Boolean);
}

export function caption(view, signal) {
  const s = view.signals.find((one) => one.signal === signal);
  const c = view.summary;
  if (!s) return "No forecast yet.";
  if (s.observed === null) return `${SIGNALS[signal] ?? signal} is unknown (${WHY[s.why] ?? s.why}): nothing is removed while it is.`;
  const ahead = s.forecast === null ? "no forecast yet" : `${number(s.forecast)} expected in ${seconds(c.horizon_s)} by ${s.predictor || "an unnamed predictor"}${s.lower === null || s.upper === null ? "" : ` (band: P10 ${number(s.lower)} to P90 ${number(s.upper)})`}`;
  return `Now ${number(s.observed)} ${NOUNS[signal] ?? ""}, ${ahead}; ${c.serving} serving${c.wanted === null ? "" : ` of ${plural(c.wanted, "member")} wanted`}.`;
}

function oldest(samples) {
  const ages = samples.map((s) => s.age_s).filter((age) => age !== null);
  return ages.length ? Math.max(...ages) : null;
}
