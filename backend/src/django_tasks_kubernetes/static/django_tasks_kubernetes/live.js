// Keeps the marked parts of a page up to date: <div data-live="name" data-every="5">. Each page works without it.
//
// It asks for ?part=name, and puts what the server renders in the place of what is there. Hidden tabs do not ask, nor do
// parts in which somebody points at what can be clicked, has the focus, or has selected rows or text. Where nothing changes,
// or nothing answers, it asks less and less often.
const KEY = "djangotasks.live";
const SLOWEST = 30_000;
const UNCHANGED_MAX = 10;
const AS_OF = "X-As-Of";
const SCROLLED = "pre, .djt-scroll";
// What the admin renders for its own page, and nothing else. With a policy's name, a Content Security Policy may ask for that.
const RENDERED = window.trustedTypes?.createPolicy("djangotasks", { createHTML: (text) => text }) ?? { createHTML: (text) => text };

const isWanted = () => {
  const kept = read();
  return kept === null ? !matchMedia("(prefers-reduced-motion: reduce)").matches : kept === "on";
};

// A browser may forbid the storage.
function read() {
  try { return localStorage.getItem(KEY); } catch { return null; }
}

function keep(value) {
  try { localStorage.setItem(KEY, value); } catch { /* for this page alone */ }
}

const isAtEnd = (log) => log.scrollHeight - log.scrollTop - log.clientHeight < 8;
const toEnd = (log) => { log.scrollTop = log.scrollHeight; };

class Region {
  constructor(element, say) {
    this.element = element;
    this.say = say;
    this.least = 1000 * Number(element.dataset.every);
    this.wait = this.least;
    this.unchanged = 0;
    this.etag = null;
    this.timer = null;
    this.isAsking = false;
    // The admin's own script wires the rows that a page comes with.
    this.isWired = true;
    for (const event of ["pointerover", "focusin"]) element.addEventListener(event, () => this.wire());
  }

  // Selecting rows, when somebody is about to: each time adds listeners to the whole page.
  wire() {
    if (this.isWired) return;
    this.isWired = true;
    const boxes = this.element.querySelectorAll("tr input.action-select");
    // Unfold's script asks for the parent, and Django's does not.
    if (boxes.length > 0) window.Actions?.(boxes, { parent: this.element.closest(".result-list-wrapper") ?? document });
  }

  get isInUse() {
    const selection = getSelection();
    return this.element.matches(":focus-within")
      || this.element.querySelector("input:checked, :is(a, button, input, label, select, summary):hover") !== null
      || (!selection.isCollapsed && this.element.contains(selection.anchorNode));
  }

  start(now = false) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(), now ? 0 : this.wait);
  }

  stop() {
    clearTimeout(this.timer);
    this.timer = null;
  }

  async ask() {
    if (document.hidden || this.isAsking) return;
    if (!this.isInUse) {
      this.isAsking = true;
      try { await this.fetch(); } catch { this.failed(); } finally { this.isAsking = false; }
    }
    if (this.timer !== null) this.start();
  }

  async fetch() {
    const address = new URL(location.href);
    address.searchParams.set("part", this.element.dataset.live);
    // "Refresh" was one click: what it asked for is read, and pages that stay open share what is kept.
    address.searchParams.delete("fresh");
    const headers = this.etag === null ? {} : { "If-None-Match": this.etag };
    const response = await fetch(address, { headers, credentials: "same-origin", cache: "no-store", redirect: "manual" });
    if (response.type === "opaqueredirect" || response.status === 401 || response.status === 403) {
      this.say(document.querySelector("[data-live-state]")?.dataset.loggedOut ?? "");
      this.stop();
      return;
    }
    if (response.status === 304) {
      this.unchanged += 1;
      if (this.unchanged >= UNCHANGED_MAX) this.slower();
    } else if (response.ok && response.headers.has(AS_OF)) {
      this.replace(await response.text(), response.headers.get("ETag"));
    } else {
      // A whole page, too, of what answers in the place of the admin: a proxy that wants people to log in.
      this.failed();
      return;
    }
    this.say("");
    this.read(response.headers.get(AS_OF));
  }

  // When the cluster was asked, which has answered: so what the page said of it is over.
  read(time) {
    document.querySelector("[data-live-problem]")?.remove();
    const shown = document.querySelector("[data-live-time]");
    if (shown && time) shown.textContent = time;
  }

  replace(text, etag) {
    this.etag = etag;
    this.isWired = false;
    this.unchanged = 0;
    this.wait = this.least;
    // What was opened stays open, and what was scrolled where it is, but for a log whose end is looked at: that is followed.
    const open = new Map([...this.element.querySelectorAll("details[id]")].map((details) => [details.id, details.open]));
    const places = [...this.element.querySelectorAll(SCROLLED)].map((box) => [box.scrollLeft, box.scrollTop]);
    const ends = [...this.element.querySelectorAll("[data-follow]")].map(isAtEnd);
    this.element.innerHTML = RENDERED.createHTML(text);
    for (const [id, isOpen] of open) {
      const details = document.getElementById(id);
      if (details) details.open = isOpen;
    }
    this.element.querySelectorAll(SCROLLED).forEach((box, index) => box.scrollTo(...(places[index] ?? [0, 0])));
    this.element.querySelectorAll("[data-follow]").forEach((log, index) => { if (ends[index] ?? true) toEnd(log); });
    this.element.dispatchEvent(new CustomEvent("djangotasks:replaced", { bubbles: true }));
  }

  failed() {
    const state = document.querySelector("[data-live-state]");
    this.slower();
    this.say(state?.dataset.away ?? "");
  }

  slower() {
    this.wait = Math.min(2 * this.wait, SLOWEST);
  }
}

function begin() {
  const state = document.querySelector("[data-live-state]");
  // Once, when it changes: a page that is read aloud does not repeat it.
  const say = (text) => { if (state && state.textContent !== text) state.textContent = text; };
  const regions = [...document.querySelectorAll("[data-live]")].map((element) => new Region(element, say));
  if (regions.length === 0) return;
  const button = document.querySelector("[data-live-switch]");
  let isOn = isWanted();

  const apply = (now) => {
    for (const region of regions) if (isOn && !document.hidden) region.start(now); else region.stop();
    if (button) button.setAttribute("aria-pressed", String(isOn));
  };
  if (button) {
    button.hidden = false;
    button.addEventListener("click", () => {
      isOn = !isOn;
      keep(isOn ? "on" : "off");
      apply(isOn);
    });
  }
  document.addEventListener("visibilitychange", () => apply(!document.hidden));
  document.querySelectorAll("[data-follow]").forEach(toEnd);
  apply(false);
}

begin();
