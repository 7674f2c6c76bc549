// The page of an opinion study. STUDY, from study.js, has the items under names
// that tell nothing of the methods. Everything is kept in localStorage, so that
// a rater goes on where the page was closed; scores are sent to the server that
// the page came from, if there is one that takes them, and can be downloaded.
"use strict";

const WORDS = ["bad", "poor", "fair", "good", "excellent"];
const SEND_EVERY = 5;  // ratings
const PRELOADED = 3;  // images
const APART = 3;  // images between two of the same scene, where there are enough
const LONGEST = 3600000;  // milliseconds; after that the rater was away
const STORAGE = `srfeat_jax.mos ${STUDY.study}`;
const element = (id) => document.getElementById(id);

// ---------------------------------------------------------------- what is kept

let storage = true;
let state = load() || fresh();

function fresh() {
  // rater: in place of a name. ratings: by item, [score, milliseconds].
  // pending: what is sent until the server says that it has it, as text.
  // sent: the revision that the server has answered; received: that it has;
  // downloaded: that a file has.
  return {rater: random(), revision: 0, ratings: {}, pending: null, sent: 0,
          received: 0, downloaded: 0, ready: false};
}

function random() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (each) => each.toString(16).padStart(2, "0")).join("");
}

function load() {
  try {
    const found = JSON.parse(localStorage.getItem(STORAGE));
    return found && found.rater && found.ratings ? found : null;
  } catch {
    return null;
  }
}

function keep() {
  try {
    localStorage.setItem(STORAGE, JSON.stringify(state));
  } catch {
    storage = false;
  }
}

// ------------------------------------------------------------------- the order

// Numbers in [0, 1) that the text determines: xorshift, from an FNV-1a hash.
function generator(text) {
  let word = 2166136261;
  for (const each of text) {
    word = Math.imul(word ^ each.codePointAt(0), 16777619);
  }
  word = word || 1;
  return () => {
    word ^= word << 13;
    word ^= word >>> 17;
    word ^= word << 5;
    return (word >>> 0) / 4294967296;
  };
}

// Each rater has an order of their own, the same whenever they come back. The
// same scene does not follow soon: the two images would be compared.
function order() {
  const number = generator(STUDY.study + state.rater);
  const left = STUDY.items.slice();
  for (let i = left.length - 1; i > 0; i--) {
    const j = Math.floor(number() * (i + 1));
    [left[i], left[j]] = [left[j], left[i]];
  }
  const drawn = [];
  while (left.length) {
    let next = 0;
    for (let gap = APART; gap > 0; gap--) {
      const recent = new Set(drawn.slice(-gap).map((each) => each.scene));
      next = left.findIndex((each) => !recent.has(each.scene));
      if (next >= 0) break;
    }
    drawn.push(left.splice(Math.max(0, next), 1)[0]);
  }
  return drawn;
}

let items = order();
const rated = () => Object.keys(state.ratings).length;
const done = () => rated() === items.length;
const is_rated = (item) => item.id in state.ratings;
const first_unrated = () => items.findIndex((each) => !is_rated(each));

// ------------------------------------------------------------------ the screens

let index = 0;  // of the item that is shown
let shownAt = null;  // when it was there to be rated, or null

function show(id) {
  for (const each of document.querySelectorAll("main")) {
    each.hidden = each.id !== id;
  }
  window.scrollTo(0, 0);
}

function welcome() {
  element("title").textContent = document.title = STUDY.title;
  element("count").textContent = items.length;
  element("forgetful").hidden = storage;
  element("partial").hidden = !rated();
  element("start").textContent = rated()
    ? `Go on (${rated()} of ${items.length} rated)` : "Start";
  show("welcome");
}

function start() {
  if (!STUDY.calibration.length || state.ready) return begin();
  const examples = element("examples");
  examples.replaceChildren();
  for (const each of STUDY.calibration) {
    const pair = document.createElement("div");
    pair.className = "pair";
    each.files.forEach((file, i) => {
      const figure = document.createElement("figure");
      const frame = document.createElement("div");
      frame.className = "example";
      const image = document.createElement("img");
      image.src = `images/${file}`;
      image.className = "exact";
      image.alt = i ? "An example of excellent quality"
        : "An example of bad quality";
      resize(image, each);
      const caption = document.createElement("figcaption");
      const number = document.createElement("b");
      number.textContent = i ? "5" : "1";
      caption.append(number, i ? " excellent" : " bad");
      frame.append(image);
      figure.append(frame, caption);
      pair.append(figure);
    });
    examples.append(pair);
  }
  show("calibration");
}

function begin() {
  state.ready = true;
  keep();
  index = first_unrated();
  if (index < 0) return end();
  show("rating");
  present();
}

// One image pixel is a square of whole device pixels, so that no browser
// interpolates; 1 x 1 on ordinary screens, more where pixels are too small to
// tell apart.
function resize(image, size) {
  const ratio = window.devicePixelRatio || 1;
  const block = Math.max(1, Math.floor(ratio + 0.01));
  image.dataset.width = size.width;
  image.dataset.height = size.height;
  image.style.width = `${size.width * block / ratio}px`;
  image.style.height = `${size.height * block / ratio}px`;
  return block;
}

function fit() {
  for (const image of document.querySelectorAll("#examples img")) {
    resize(image, image.dataset);
  }
  const item = items[index];
  if (!item) return;
  const block = resize(element("image"), item);
  const stage = element("stage");
  const larger = stage.scrollWidth > stage.clientWidth + 1
    || stage.scrollHeight > stage.clientHeight + 1;
  element("pixels").textContent =
    (larger ? "Drag or scroll to see all of the image. " : "")
    + (block > 1 ? `An image pixel is ${block} × ${block} pixels of your screen.`
      : "An image pixel is one pixel of your screen.");
  stage.scrollLeft = (stage.scrollWidth - stage.clientWidth) / 2;
  stage.scrollTop = (stage.scrollHeight - stage.clientHeight) / 2;
}

const loaded = new Map();  // by item, a promise of an image

function preload(item) {
  if (!loaded.has(item.id)) {
    const image = new Image();
    image.src = `images/${item.id}.png`;
    loaded.set(item.id, image.decode().then(() => image));
  }
  return loaded.get(item.id);
}

async function present() {
  const item = items[index];
  const image = element("image");
  shownAt = null;
  image.classList.add("exact", "unready");
  fit();
  element("position").textContent = `${index + 1} of ${items.length}`;
  element("bar").max = items.length;
  element("bar").value = rated();
  element("previous").disabled = index === 0;
  element("next").disabled = !is_rated(item);
  const score = (state.ratings[item.id] || [])[0];
  for (const button of element("scores").children) {
    button.setAttribute("aria-pressed", String(+button.value === score));
    button.disabled = true;
  }
  try {
    await preload(item);
    if (items[index] !== item) return;
    image.src = `images/${item.id}.png`;
    await image.decode();
  } catch {
    if (items[index] !== item) return;
    loaded.delete(item.id);
    element("pixels").textContent = "The image cannot be loaded; trying again.";
    setTimeout(() => { if (items[index] === item) present(); }, 2000);
    return;
  }
  if (items[index] !== item) return;
  image.classList.remove("unready");
  for (const button of element("scores").children) button.disabled = false;
  element("stage").focus({preventScroll: true});
  shownAt = performance.now();
  for (const next of items.slice(index + 1, index + 1 + PRELOADED)) {
    preload(next).catch(() => loaded.delete(next.id));
  }
  for (const old of items.slice(0, Math.max(0, index - 1))) {
    loaded.delete(old.id);
  }
}

function rate(score) {
  if (shownAt === null || element("rating").hidden) return;
  const time = Math.min(LONGEST, Math.round(performance.now() - shownAt));
  shownAt = null;
  state.ratings[items[index].id] = [score, time];
  state.revision += 1;
  keep();
  if (done()) {
    send();
    index = items.length;
    end();
    return;
  }
  if (state.revision % SEND_EVERY === 0) send();
  forward();
}

function forward() {
  index += 1;
  if (index >= items.length) index = first_unrated();
  present();
}

// Passes a rated item, whose score stays.
function next() {
  if (can_pass()) forward();
}

function can_pass() {
  return !element("rating").hidden && is_rated(items[index]) && !done();
}

function previous() {
  if (index > 0 && !element("rating").hidden) {
    index -= 1;
    present();
  }
}

function end() {
  show("end");
  report();
}

function another() {
  state = fresh();
  refusal = "";
  keep();
  items = order();
  loaded.clear();
  index = 0;
  welcome();
}

// ------------------------------------------------------------ sending, and saving

// A server is where the page came from; that it takes scores shows when some
// are sent. "none": it is known not to.
let server = location.protocol.startsWith("http") ? "unknown" : "none";
let refusal = "";
let sending = false;
let failing = false;  // the server did not answer
let timer = null;

function snapshot() {
  return JSON.stringify({
    format: STUDY.format,
    study: STUDY.study,
    rater: state.rater,
    submission: random(),
    revision: state.revision,
    complete: done(),
    screen: {
      width: screen.width,
      height: screen.height,
      pixel_ratio: window.devicePixelRatio,
      dark: matchMedia("(prefers-color-scheme: dark)").matches,
    },
    ratings: items.filter((each) => each.id in state.ratings).map((each) => ({
      item: each.id,
      score: state.ratings[each.id][0],
      milliseconds: state.ratings[each.id][1],
    })),
  });
}

// What is being sent is stored before, so that it is sent again as it was,
// under the same id, if the answer is lost.
async function send() {
  if (server === "none" || sending) return;
  if (!state.pending) {
    if (state.sent >= state.revision) return;
    state.pending = snapshot();
    keep();
  }
  const body = state.pending;
  const {rater, revision, ratings} = JSON.parse(body);
  sending = true;
  report();
  let again = 0;
  try {
    const answer = await fetch("submissions", {
      method: "POST",
      headers: {"Content-Type": "application/json"},
      body,
      keepalive: body.length < 60000,
    });
    // Other servers may answer anything, even that all is well.
    const said = (await answer.json().catch(() => null)) || {};
    const taken = answer.ok && said.ratings === ratings.length;
    if (answer.status !== 501 && (answer.status >= 500 || answer.status === 429)) {
      again = 5000;
    } else if (!taken && !said.error) {
      server = "none";
    } else {
      server = "there";
      refusal = taken ? "" : said.error;
      if (state.rater === rater) {
        state.pending = null;
        state.sent = revision;
        if (taken) state.received = Math.max(state.received, revision);
        keep();
        if (state.revision > revision && done()) again = 1;
      }
    }
  } catch {
    again = 5000;
  }
  sending = false;
  if (again) {
    clearTimeout(timer);
    timer = setTimeout(send, again);
  }
  failing = again > 1;
  report();
}

const received = () => state.received >= state.revision;
const downloaded = () => state.downloaded >= state.revision;

function report() {
  element("sending").textContent =
    failing ? "The server does not answer; your scores are kept here." : "";
  element("outcome").className = refusal ? "problem" : "";
  element("outcome").textContent = outcome();
  const safe = received() || downloaded();
  element("another").disabled = !safe;
  const wanted = !safe && Boolean(server === "none" || refusal);
  document.querySelector("#end .save").classList.toggle("main", wanted);
}

// What has become of the scores, and what the rater is to do.
function outcome() {
  if (received()) return "Your scores have been received.";
  const file = downloaded()
    ? "Your scores are in the file that you have downloaded. Please send it to"
      + " whoever asked you to take part."
    : "Please download your scores, and send the file to whoever asked you to"
      + " take part.";
  if (refusal) return `The server refused your scores (${refusal}). ${file}`;
  if (server === "none") return file;
  if (!failing) return "Your scores are being sent.";
  return "The server does not answer. The page tries again as long as it is open."
    + (downloaded() ? ` ${file}` : " You can also download your scores.");
}

function save() {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(
    new Blob([snapshot()], {type: "application/json"}));
  link.download = `scores_${state.rater.slice(0, 8)}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  state.downloaded = state.revision;
  keep();
  report();
}

// ---------------------------------------------------------------------- events

WORDS.forEach((word, i) => {
  const button = document.createElement("button");
  const number = document.createElement("b");
  const label = document.createElement("span");
  button.value = String(i + 1);
  number.textContent = String(i + 1);
  label.textContent = word;
  button.append(number, label);
  button.addEventListener("click", () => rate(i + 1));
  element("scores").append(button);
});
element("start").addEventListener("click", start);
element("begin").addEventListener("click", begin);
element("previous").addEventListener("click", previous);
element("next").addEventListener("click", next);
element("another").addEventListener("click", another);
for (const each of document.querySelectorAll(".save")) {
  each.addEventListener("click", save);
}
document.addEventListener("keydown", (event) => {
  if (event.repeat || event.ctrlKey || event.altKey || event.metaKey) return;
  if (element("rating").hidden) return;
  if (/^[1-5]$/.test(event.key)) {
    event.preventDefault();
    rate(Number(event.key));
  } else if (event.key === "ArrowLeft" || event.key === "Backspace") {
    event.preventDefault();
    previous();
  } else if (event.key === "ArrowRight" && can_pass()) {
    event.preventDefault();  // else it scrolls an image that is too large
    next();
  }
});
window.addEventListener("resize", fit);
window.addEventListener("pagehide", () => send());
// Another tab of this page has rated.
window.addEventListener("storage", (event) => {
  const other = event.key === STORAGE && load();
  if (!other) return;
  const same = other.rater === state.rater;
  state = other;
  if (same && !element("rating").hidden && !done()) return;
  items = order();
  if (done()) end();
  else if (!same) welcome();
});

keep();
if (done()) {
  index = items.length;
  end();
  send();
} else {
  welcome();
  if (state.pending || state.revision > state.sent) send();
}
