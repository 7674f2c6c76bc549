// The page: reads an image, has the worker upscale it tile by tile, and shows
// and saves the result. Everything is in this file, so that it opens from disk:
// no other file could be fetched there.
"use strict";

const element = (id) => document.getElementById(id);
const SETTINGS = JSON.parse(element("settings").textContent);
const LARGEST_SIDE = 16384;  // of a canvas
const MOST_PIXELS = 64000000;  // of a result

let source = null;  // the image, as a canvas
let worker = null;
let job = 0;

// What the page holds as base64 of gzip, by the id of its element.
async function unpack(id) {
  const text = atob(element(id).textContent.trim());
  const bytes = Uint8Array.from(text, (each) => each.charCodeAt(0));
  const stream = new Blob([bytes]).stream()
    .pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}

const link = (parts) =>
  URL.createObjectURL(new Blob(parts, {type: "text/javascript"}));

async function start_worker() {
  const [runtime, loader, wasm] = await Promise.all(
    ["runtime", "loader", "wasm"].map(unpack));
  const code = element("worker").textContent;
  const made = new Worker(link([runtime, "\n", code]));
  made.postMessage({kind: "start", loader, wasm}, [loader, wasm]);
  return made;
}

function complain(text) {
  element("problem").textContent = text;
}

async function choose(file) {
  stop();
  complain("");
  source = null;
  element("start").disabled = true;
  element("result").hidden = true;
  element("about").textContent = "";
  if (!file) return;
  let image;
  try {
    image = await createImageBitmap(file);
  } catch {
    return complain(`${file.name} is not an image that this browser can read.`);
  }
  source = document.createElement("canvas");
  source.width = image.width;
  source.height = image.height;
  source.name = file.name;
  const context = source.getContext("2d", {willReadFrequently: true});
  context.fillStyle = "white";  // behind what is transparent
  context.fillRect(0, 0, image.width, image.height);
  context.drawImage(image, 0, 0);
  describe();
}

function describe() {
  if (!source) return;
  const {scale} = SETTINGS[element("weights").value];
  const width = scale * source.width, height = scale * source.height;
  element("about").textContent =
    `${source.width} × ${source.height} pixels become ${width} × ${height}.`;
  const large = Math.max(width, height) > LARGEST_SIDE
    || width * height > MOST_PIXELS;
  complain(large ? "The image is too large for this page: its result may have"
    + ` ${MOST_PIXELS / 1e6} megapixels and ${LARGEST_SIDE} pixels a side.` : "");
  element("start").disabled = large;
}

async function upscale() {
  const mine = ++job;
  const settings = SETTINGS[element("weights").value];
  const {width, height} = source;
  const scale = settings.scale;
  element("start").disabled = true;
  element("stop").hidden = false;
  element("bar").hidden = false;
  element("bar").removeAttribute("value");
  complain("");
  try {
    worker = worker || await start_worker();
    const graph = await unpack(settings.graph);
    if (mine !== job) return;
    const after = element("after"), before = element("before");
    for (const canvas of [after, before]) {
      canvas.width = scale * width;
      canvas.height = scale * height;
    }
    const smooth = before.getContext("2d");
    smooth.imageSmoothingQuality = "high";
    smooth.drawImage(source, 0, 0, scale * width, scale * height);
    after.getContext("2d").drawImage(before, 0, 0);
    element("result").hidden = false;
    slide();
    const begin = performance.now();
    await new Promise((resolve, reject) => {
      worker.onerror = (event) => reject(new Error(event.message));
      worker.onmessage = ({data}) => {
        if (data.job !== mine) return;
        if (data.kind === "error") return reject(new Error(data.text));
        const pixels = new ImageData(data.pixels, data.width, data.height);
        after.getContext("2d").putImageData(pixels, data.left, data.top);
        element("bar").value = data.share;
        if (data.share === 1) resolve();
      };
      const {data} = source.getContext("2d")
        .getImageData(0, 0, width, height);
      worker.postMessage(
        {kind: "job", job: mine, name: settings.graph, graph, scale,
         margin: settings.margin, tile: settings.tile, width, height,
         pixels: data}, [graph, data.buffer]);
      element("stop").onclick = () => { stop(); resolve(); };
    });
    if (mine !== job) return;
    const seconds = (performance.now() - begin) / 1000;
    element("about").textContent =
      `${scale * width} × ${scale * height} pixels, ${seconds.toFixed(1)} s`;
    finish();
  } catch (error) {
    if (mine !== job) return;
    worker?.terminate();
    worker = null;
    finish();
    complain(`This did not work: ${error.message}`);
  }
}

function finish() {
  element("bar").hidden = true;
  element("stop").hidden = true;
  element("start").disabled = !source;
}

// A tile cannot be interrupted, but the worker can be ended.
function stop() {
  job += 1;
  if (!element("stop").hidden) {
    worker?.terminate();
    worker = null;
    element("result").hidden = true;
  }
  finish();
}

function slide() {
  const share = element("slider").value;
  element("before").style.clipPath = `inset(0 ${100 - share}% 0 0)`;
  element("line").style.left = `calc(${share}% - 1px)`;
}

function download() {
  element("after").toBlob((blob) => {
    const anchor = document.createElement("a");
    anchor.href = URL.createObjectURL(blob);
    const {scale} = SETTINGS[element("weights").value];
    anchor.download = `${source.name.replace(/\.[^.]*$/, "")}_x${scale}.png`;
    anchor.click();
    setTimeout(() => URL.revokeObjectURL(anchor.href), 60000);
  });
}

for (const name of Object.keys(SETTINGS)) {
  element("weights").append(new Option(name, name));
}
element("file").addEventListener("change", (event) =>
  choose(event.target.files[0]));
element("weights").addEventListener("change", () => {
  stop();
  element("result").hidden = true;
  describe();
});
element("start").addEventListener("click", upscale);
element("stop").addEventListener("click", stop);
element("slider").addEventListener("input", slide);
element("download").addEventListener("click", download);
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", (event) => {
  event.preventDefault();
  choose(event.dataTransfer.files[0]);
});
document.addEventListener("paste", (event) => {
  if (event.clipboardData.files.length) choose(event.clipboardData.files[0]);
});
