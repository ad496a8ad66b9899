// The applications as trees: what each consists of, what waits for what, and where to look first.

import { el, plural, seconds } from "./words.js";

const MOOD = { Active: "good", Created: "warn", Inactive: "bad", Terminating: "warn" };
const LIFE = { Active: "good", Created: "warn", Starting: "warn", Draining: "warn", Terminating: "warn" };
const RANK = ["Inactive", "Created", null, "Terminating", "Active"];
const SHOWN = 12, OPEN = 5, MEMBERS = 30, CAUSES = 3;

export const keyOf = (of) => `${of.tenant}/${of.application}`;

export class Applications {
  constructor({ section, box, sum, more, ask, now }) {
    Object.assign(this, { section, box, sum, more, ask, now, known: new Map(), trees: new Map(), stale: new Set(), opened: new Map(), phases: new Map(), shown: SHOWN });
    box.addEventListener("keydown", (event) => this.#key(event));
    more.addEventListener("click", () => { this.shown += 10 * SHOWN; this.draw(); });
  }

  async load() {
    const list = await this.ask("/api/applications");
    this.known = new Map(list.map((of) => [keyOf(of), of]));
    for (const key of this.known.keys()) this.stale.add(key);
    await this.refresh();
  }

  // What /events sends as "application".
  note(event) {
    const key = keyOf(event);
    if (event.state) this.known.set(key, event.state);
    else this.known.delete(key);
    this.stale.add(key);
  }

  touch(key) {
    this.stale.add(key);
  }

  // Once a second: the trees in sight that changed, and ages.
  async refresh() {
    this.#settle();
    const wanted = [...this.known.keys()].filter((key) => this.opened.get(key) && this.stale.has(key));
    await Promise.all(wanted.map(async (key) => {
      this.stale.delete(key);
      const { tenant, application } = this.known.get(key);
      try {
        const tree = await this.ask(`/api/applications/${encodeURIComponent(tenant)}/${encodeURIComponent(application)}`);
        this.trees.set(key, tree);
        if (this.known.has(key)) this.known.set(key, tree.summary);
      } catch (error) {
        this.stale.add(key);
        throw error;
      }
    }));
    this.draw();
  }

  draw() {
    for (const key of this.trees.keys()) if (!this.known.has(key)) this.trees.delete(key);
    const told = [...this.known.values()].filter((of) => of.phase !== null || of.at !== null);
    const sorted = told.sort((a, b) => RANK.indexOf(a.phase) - RANK.indexOf(b.phase) || (keyOf(a) < keyOf(b) ? -1 : 1));
    this.section.hidden = sorted.length === 0;
    this.sum.replaceChildren(...sums(sorted));
    const rest = sorted.slice(this.shown), quiet = rest.every((of) => of.phase === "Active");
    this.more.hidden = rest.length === 0;
    say(this.more, `${rest.length} more${quiet ? ", all Active" : ""}`);
    keyed(this.box, sorted.slice(0, this.shown), keyOf, () => this.#newApplication(), (node, of) => this.#application(node, of));
  }

  // What is not Active is open the first time that it is seen so; what was opened stays open.
  #settle() {
    for (const [key, of] of this.known) {
      const open = [...this.known.keys()].filter((each) => this.opened.get(each)).length;
      this.#see(key, of.phase, of.phase !== "Active" && open < OPEN);
    }
  }

  #see(id, phase, wish) {
    if (this.phases.get(id) === phase && this.opened.has(id)) return;
    this.phases.set(id, phase);
    if (wish || !this.opened.has(id)) this.opened.set(id, wish);
  }

  #toggle(id, open = !this.opened.get(id)) {
    this.opened.set(id, open);
    this.draw();
    this.refresh().catch(() => {}); // the next look, a second later, tells
  }

  #newApplication() {
    const refs = row((id) => this.#toggle(id));
    Object.assign(refs, { causes: el("ul", { class: "causes" }), tree: el("ul", { class: "tree" }) });
    const node = el("li", { class: "card app" }, refs.row, refs.causes, refs.tree);
    node.refs = refs;
    return node;
  }

  #application(node, of) {
    const key = keyOf(of), refs = node.refs, open = Boolean(this.opened.get(key)), tree = this.trees.get(key);
    const quiet = of.causes.length > 0 || of.phase === "Active";
    fill(refs, {
      id: key, open, expands: true, name: of.application, level: [of.tenant === "default" ? "" : of.tenant, ...of.network_partitions].filter(Boolean).join(" · "),
      phase: of.phase ?? "Deployed", mood: MOOD[of.phase] ?? "warn", count: of.wanted === null ? "" : `${of.serving} of ${of.wanted}`,
      why: quiet ? "" : of.why, waits: false, at: of.at, now: this.now(), cluster: null,
    });
    refs.causes.replaceChildren(...causes(of, this.now()));
    refs.tree.hidden = !open;
    if (!open || !tree) return;
    const roots = tree.trees.length === 1 ? tree.trees[0].children : tree.trees;
    const loose = tree.loose.length ? [{ id: `${key} loose`, loose: tree.loose }] : [];
    this.#parts(refs.tree, [...roots, ...loose], { depth: 0, stuck: new Set(of.causes.map((cause) => cause.id)) });
  }

  #parts(box, parts, under) {
    keyed(box, parts, (part) => part.id, () => this.#newPart(), (node, part) => this.#part(node, part.loose ? strays(part) : part, under));
  }

  #newPart() {
    const refs = row((id) => this.#toggle(id));
    Object.assign(refs, { parts: el("ul", { class: "tree" }), members: el("ul", { class: "tree" }) });
    const node = el("li", {}, refs.row, refs.members, refs.parts);
    node.refs = refs;
    return node;
  }

  #part(node, part, { depth, stuck }) {
    const refs = node.refs, cause = isCause(part), now = this.now();
    this.#see(part.id, part.phase, part.phase !== "Active" && !(part.level === "cluster" && part.waiting));
    const open = Boolean(this.opened.get(part.id));
    const expands = part.children.length + part.members.length > 0;
    node.style.setProperty("--depth", depth);
    refs.row.classList.toggle("stuck", cause || stuck.has(part.id));
    refs.row.classList.toggle("held", part.waiting);
    fill(refs, {
      id: part.id, open, expands, name: nameOf(part),
      level: { application: "network partition", stray: "" }[part.level] ?? part.level, phase: part.phase, mood: part.waiting ? "" : MOOD[part.phase] ?? "warn",
      count: part.level === "stray" ? "" : `${part.serving} of ${part.wanted}`, why: [part.why, part.trouble?.reason].filter(Boolean).join(" · "), waits: part.waiting, at: part.at, now, cluster: part.cluster,
    });
    refs.members.hidden = refs.parts.hidden = !open;
    const members = open ? part.members : [];
    const shown = members.slice(0, MEMBERS).map((of) => ({ ...of, key: of.member }));
    if (members.length > MEMBERS) shown.push({ key: "more", more: members.length - MEMBERS });
    keyed(refs.members, shown, (of) => of.key, () => newMember(depth + 1), (child, of) => fillMember(child, of, now));
    this.#parts(refs.parts, open ? part.children : [], { depth: depth + 1, stuck });
  }

  // Arrows move and fold, as in any tree.
  #key(event) {
    const button = event.target.closest("button.twist");
    if (!button || event.altKey || event.ctrlKey || event.metaKey) return;
    const every = [...this.box.querySelectorAll("button.twist:enabled")].filter((each) => each.offsetParent !== null);
    const at = every.indexOf(button), open = button.getAttribute("aria-expanded") === "true";
    const above = button.closest("li").parentElement.closest("li")?.querySelector("button.twist");
    if (event.key === "ArrowDown") every[at + 1]?.focus();
    else if (event.key === "ArrowUp") every[at - 1]?.focus();
    else if (event.key === "ArrowRight" && !open) this.#toggle(button.dataset.id, true);
    else if (event.key === "ArrowLeft" && open) this.#toggle(button.dataset.id, false);
    else if (event.key === "ArrowLeft") above?.focus();
    else return;
    event.preventDefault();
  }
}

// Makes the children of a box those of a list, and leaves alone what stays.
function keyed(box, items, key, make, draw) {
  const have = new Map([...box.children].map((node) => [node.key, node]));
  const keep = new Set(items.map(key));
  for (const [name, node] of have) if (!keep.has(name)) node.remove();
  items.forEach((item, i) => {
    const node = have.get(key(item)) ?? make();
    node.key = key(item);
    if (box.children[i] !== node) box.insertBefore(node, box.children[i] ?? null);
    draw(node, item);
  });
}

function row(toggle) {
  const span = (name) => el("span", { class: name });
  const refs = { name: span("name"), level: span("level"), phase: span("state"), count: span("count"), why: span("why"), age: span("age"), link: el("a", { class: "go" }, "view") };
  refs.button = el("button", { type: "button", class: "twist" }, refs.name, refs.level);
  refs.button.addEventListener("click", () => toggle(refs.button.dataset.id));
  refs.row = el("div", { class: "row" }, refs.button, refs.phase, refs.count, refs.why, refs.age, refs.link);
  return refs;
}

function fill(refs, of) {
  refs.button.dataset.id = of.id;
  refs.button.disabled = !of.expands;
  if (of.expands) refs.button.setAttribute("aria-expanded", String(of.open));
  else refs.button.removeAttribute("aria-expanded");
  say(refs.name, of.name);
  say(refs.level, of.level);
  say(refs.phase, of.phase);
  refs.phase.className = `state ${of.mood}`;
  say(refs.count, of.count);
  refs.count.title = of.count ? "members serving, of those wanted" : "";
  say(refs.why, of.why);
  refs.why.classList.toggle("waits", of.waits);
  say(refs.age, of.at === null ? "" : seconds(of.now - of.at));
  refs.link.hidden = of.cluster === null;
  if (of.cluster === null) return;
  refs.link.href = `#${encodeURIComponent(of.cluster)}`;
  refs.link.setAttribute("aria-label", `view cluster ${of.cluster}`);
}

function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function newMember(depth) {
  const span = (name) => el("span", { class: name });
  const refs = { name: span("name"), place: span("level"), phase: span("state"), why: span("why"), age: span("age") };
  const node = el("li", {}, el("div", { class: "row leaf" }, el("span", { class: "twist" }, refs.name, refs.place), refs.phase, span("count"), refs.why, refs.age));
  node.style.setProperty("--depth", depth);
  node.refs = refs;
  return node;
}

function fillMember({ refs }, of, now) {
  say(refs.name, of.more ? `${of.more} more` : of.member);
  say(refs.place, of.more ? "" : of.partition);
  say(refs.phase, of.more ? "" : of.state);
  refs.phase.className = of.more ? "" : `state ${LIFE[of.state] ?? ""}`;
  say(refs.why, of.more || of.state === "Active" ? "" : of.reason);
  say(refs.age, of.more ? "" : seconds(now - of.at));
}

function strays({ id, loose }) {
  return { id, level: "stray", phase: "Stray", at: null, waiting: false, children: [], members: loose, serving: 0, wanted: 0, why: "alive, but of no part of the application", trouble: null, cluster: null, network_partition: "" };
}

function nameOf(part) {
  if (part.level === "stray") return plural(part.members.length, "member");
  return part.level === "application" ? part.network_partition : part.id.slice(part.id.lastIndexOf("/") + 1);
}

function isCause(part) {
  return part.level === "cluster" && (part.phase === "Inactive" || (part.phase === "Created" && !part.waiting));
}

// Why an application is not Active, in a line each, and its wish for room.
function causes(of, now) {
  const lines = of.causes.slice(0, CAUSES).map((cause) => {
    const path = cause.id.split("/").slice(of.network_partitions.length > 1 ? 2 : 3, -1).join(" › ");
    const lost = cause.phase === "Inactive";
    return el("li", { class: lost ? "bad" : "warn" },
      el("b", {}, cause.id.slice(cause.id.lastIndexOf("/") + 1)), ` ${!lost ? "starts" : cause.level === "cluster" ? "lost members" : "is Inactive"}: ${cause.serving} of ${cause.wanted} serving for ${seconds(now - cause.at)}`,
      cause.said ? [" · ", el("span", { class: "said" }, cause.said)] : "",
      path ? el("span", { class: "path" }, ` in ${path}`) : "");
  });
  if (of.burst) {
    const missing = Object.entries(of.burst.missing).map(([alias, count]) => `${count} of ${alias}`).join(", ") || "members";
    lines.push(el("li", { class: "warn" }, el("b", {}, "No room"), ` for ${missing}: ${of.burst.to.length ? `asks for network partition ${of.burst.to.join(", ")}` : "there is no other network partition"}`,
      of.burst.why ? [" · ", el("span", { class: "said" }, of.burst.why)] : ""));
  }
  const more = [of.stuck > CAUSES ? `${of.stuck - CAUSES} more like these` : "", of.waiting ? `${plural(of.waiting, "part")} ${of.waiting === 1 ? "waits" : "wait"} for others` : ""].filter(Boolean);
  if (more.length) lines.push(el("li", { class: "muted" }, more.join(" · ")));
  return lines;
}

function sums(list) {
  return RANK.map((phase) => [phase, list.filter((of) => of.phase === phase).length]).filter(([, count]) => count)
    .map(([phase, count]) => el("span", { class: `state ${MOOD[phase] ?? "warn"}` }, `${count} ${phase ?? "Deployed"}`));
}
