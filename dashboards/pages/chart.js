// The chart of one cluster and one signal: load above, members below, one time axis; what lies ahead is shaded.

const KEEP = 900;

export class Chart {
  constructor(node) {
    this.node = node;
    this.span = 300;
    this.clear();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  clear() {
    this.signal = null;
    this.cluster = null;
    this.threshold = null;
    this.observed = { t: [], y: [] };
    this.forecast = { t: [], y: [], lower: [], upper: [] };
    this.members = { t: [], wanted: [], serving: [], starting: [] };
  }

  load(series) {
    this.clear();
    Object.assign(this, { cluster: series.cluster, signal: series.signal, unit: series.unit, threshold: series.threshold });
    series.t.forEach((t, i) => {
      if (series.serving[i] !== null) {
        push(this.observed, { t, y: series.observed[i] });
        push(this.members, { t, wanted: series.wanted[i], serving: series.serving[i], starting: series.starting[i] });
      }
      if (series.forecast[i] !== null)
        push(this.forecast, { t, y: series.forecast[i], lower: series.lower[i], upper: series.upper[i] });
    });
    this.draw();
  }

  // One tick more, as /events sends it.
  append(event) {
    const level = event.levels[this.signal];
    if (event.cluster !== this.cluster || !level || event.at <= (this.observed.t.at(-1) ?? 0)) return;
    push(this.observed, { t: event.at, y: level.observed });
    push(this.members, { t: event.at, wanted: event.wanted, serving: event.serving, starting: event.starting });
    if (level.forecast !== null) {
      const t = event.at + event.horizon_s;
      while (this.forecast.t.length && this.forecast.t.at(-1) >= t) pop(this.forecast);
      push(this.forecast, { t, y: level.forecast, lower: level.lower, upper: level.upper });
    }
    this.draw();
  }

  // A decision arrives after the forecast of its tick.
  decide(at, wanted) {
    for (let i = this.members.t.length - 1; i >= 0 && this.members.t[i] >= at; i--) this.members.wanted[i] = wanted;
    this.draw();
  }

  draw() {
    if (this.queued || !window.Plotly) return;
    this.queued = true;
    requestAnimationFrame(() => {
      this.queued = false;
      if (this.cluster !== null) Plotly.react(this.node, this.traces(), this.layout(), { displayModeBar: false, responsive: true });
    });
  }

  traces() {
    const c = colours();
    const line = (name, data, y, style, rest = {}) =>
      ({ name, x: data.t.map(local), y, mode: "lines", type: "scatter", line: { width: 2, ...style }, ...rest });
    const step = { shape: "hv" };
    const load = { hovertemplate: "%{y:.1f}" };
    const bounds = { showlegend: false, hoverinfo: "skip" };
    const f = this.forecast, m = this.members, last = m.t.length - 1;
    const capacity = m.serving.map((n) => (this.threshold === null ? null : n * this.threshold));
    const members = { yaxis: "y2", hovertemplate: "%{y}" };
    return [
      line("lower", f, f.lower, { width: 0 }, bounds),
      line("upper", f, f.upper, { width: 0 }, { ...bounds, fill: "tonexty", fillcolor: c.band }),
      line("capacity", m, capacity, { ...step, width: 1.2, dash: "dot", color: c.capacity }, load),
      line("predicted", f, f.y, { color: c.predicted, dash: "5px,3px" }, load),
      line("observed", this.observed, this.observed.y, { color: c.observed }, load),
      line("serving", m, m.serving, { ...step, color: c.serving, width: 1.6 }, { ...members, fill: "tozeroy", fillcolor: c.servingFill }),
      line("wanted", m, m.wanted, { ...step, color: c.wanted, dash: "4px,2px", width: 1.8 }, members),
    ].filter((trace) => last >= 0 && (trace.name !== "capacity" || this.threshold !== null));
  }

  layout() {
    const c = colours();
    const now = this.observed.t.at(-1) ?? 0;
    const end = Math.max(this.forecast.t.at(-1) ?? now, now + this.span / 60);
    const first = this.observed.t[0] ?? now;
    const from = Math.max(now - this.span, Math.min(first, now - 45));
    const axis = { gridcolor: c.grid, zeroline: false, rangemode: "tozero", automargin: false, fixedrange: true, tickfont: { size: 11 }, nticks: 6 };
    const small = { size: 11, color: c.muted };
    const head = (text, y) => ({ text, xref: "paper", yref: "paper", x: 0, y, xanchor: "left", yanchor: "bottom", showarrow: false, font: small });
    const highest = Math.max(1, ...this.members.serving.slice(-KEEP), ...this.members.wanted.map((n) => n ?? 0));
    const narrow = this.node.clientWidth < 560;
    const ahead = end - now > this.span / 12;
    return {
      margin: { l: 38, r: 10, t: narrow ? 62 : 38, b: 24 }, paper_bgcolor: "transparent", plot_bgcolor: "transparent", dragmode: false,
      font: { family: "inherit", size: 12, color: c.text }, hovermode: "x unified", uirevision: "keep",
      hoverlabel: { bgcolor: c.card, bordercolor: c.line, font: { color: c.text, size: 12 } },
      legend: { orientation: "h", traceorder: "normal", x: narrow ? 0 : 1, xanchor: narrow ? "left" : "right", y: narrow ? 1.07 : 1.02, yanchor: "bottom", font: { size: 11.5 }, itemclick: false, itemdoubleclick: false },
      xaxis: { type: "date", range: [local(from), local(end)], gridcolor: c.grid, fixedrange: true, anchor: "y2", ticks: "outside", ticklen: 5, tickcolor: "transparent", tickfont: { size: 11 }, tickformat: "%H:%M:%S", hoverformat: "%H:%M:%S", nticks: narrow ? 4 : 9 },
      yaxis: { ...axis, domain: [0.40, 1] },
      yaxis2: { ...axis, domain: [0, 0.30], range: [0, highest * 1.18 + 0.2], dtick: Math.max(1, Math.ceil(highest / 4)), tickformat: "d" },
      shapes: [
        { type: "rect", xref: "x", yref: "paper", x0: local(now), x1: local(end), y0: 0, y1: 1, fillcolor: c.ahead, line: { width: 0 }, layer: "below" },
        { type: "line", xref: "x", yref: "paper", x0: local(now), x1: local(now), y0: 0, y1: 1, line: { width: 1, color: c.capacity, dash: "dot" } },
      ],
      annotations: [
        head(this.unit, 1.0), head("members", 0.305),
        ...(ahead ? [{ text: "ahead", xref: "x", yref: "paper", x: local((now + end) / 2), y: 0.345, showarrow: false, font: small }] : []),
      ],
    };
  }
}

function push(columns, row) {
  for (const key of Object.keys(columns)) {
    columns[key].push(row[key]);
    if (columns[key].length > KEEP * 2) columns[key].shift();
  }
}

function pop(columns) {
  for (const key of Object.keys(columns)) columns[key].pop();
}

// Plotly shows dates as UTC: give it local time under that name.
function local(t) {
  const ms = t * 1000;
  return ms - new Date(ms).getTimezoneOffset() * 60000;
}

function colours() {
  const style = getComputedStyle(document.documentElement);
  const names = { band: "band", observed: "observed", predicted: "predicted", capacity: "capacity", serving: "serving", servingFill: "serving-fill",
    wanted: "wanted", grid: "grid", text: "text", muted: "muted", card: "card", line: "line", ahead: "ahead" };
  return Object.fromEntries(Object.entries(names).map(([key, name]) => [key, style.getPropertyValue(`--${name}`).trim()]));
}
